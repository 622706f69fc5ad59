package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gofrs/flock"
)

// packages holds the Debian packages that are unpacked and never installed:
// the servers conflict with each other as packages, or would start.
var packages = []string{
	"vsftpd",
	"proftpd-core", "proftpd-mod-crypto",
	"pure-ftpd", "pure-ftpd-common",
	"python3-pyftpdlib", "python3-openssl",
	"inetutils-ftpd", "inetutils-inetd", "tcpd",
	"openssh-server", "openssh-sftp-server", "dropbear-bin", "libpam-google-authenticator", "putty-tools",
	"apache2-bin", "nginx", "libnginx-mod-http-dav-ext", "libnginx-mod-stream", "lighttpd", "lighttpd-mod-webdav", "tinyproxy-bin", "cadaver",
	"iputils-ping", "iputils-arping", "bind9-dnsutils",
}

// programs must be installed on the machine; the value is their package.
var programs = map[string]string{
	"ip": "iproute2", "nft": "nftables", "curl": "curl", "lftp": "lftp", "openssl": "openssl", "dnsmasq": "dnsmasq-base", "tcpdump": "tcpdump",
	"sftp":    "openssh-client",
	"nsenter": "util-linux", "setpriv": "util-linux", "python3": "python3", "dpkg": "dpkg", "apt-get": "apt",
}

// cacheDir is where fetched packages live, from run to run.
func cacheDir() (string, error) {
	if base, err := os.UserCacheDir(); err == nil {
		return filepath.Join(base, "ftpdoctor-lab"), nil
	}
	if os.Geteuid() == 0 { // no HOME, as under some service managers
		return "/var/cache/ftpdoctor-lab", nil
	}
	return "", errors.New("no cache directory: set HOME or XDG_CACHE_HOME")
}

// packageRoot is the directory into which the packages are unpacked: it has etc
// and usr.
func packageRoot() (string, error) {
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	root := filepath.Join(dir, "root")
	if _, err := os.Stat(filepath.Join(dir, "complete")); err != nil {
		return "", errors.New("the lab's servers are not fetched yet: call Fetch first")
	}
	return root, nil
}

const standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

var toolPath = sync.OnceValue(func() string {
	root, err := packageRoot()
	if err != nil {
		return standardPath
	}
	return standardPath + ":" + root + "/usr/bin:" + root + "/usr/sbin"
})

var libraryPath = sync.OnceValue(func() string {
	root, err := packageRoot()
	if err != nil {
		return ""
	}
	libs, _ := filepath.Glob(root + "/usr/lib/*-linux-gnu")
	return strings.Join(libs, ":")
})

// Fetch makes the servers and tools available: it downloads Debian packages
// into the user's cache directory and unpacks them there, once. It installs
// nothing. What must be installed and is not, it names.
func Fetch(ctx context.Context) error {
	var missing []string
	for name, pkg := range programs {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, pkg)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the lab needs: apt-get install %s", strings.Join(missing, " "))
	}
	dir, err := cacheDir()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("fetch servers: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("fetch servers: %w", err)
	}
	defer lock.Unlock()
	want := strings.Join(packages, " ")
	complete := filepath.Join(dir, "complete")
	if have, err := os.ReadFile(complete); err == nil && holds(strings.Fields(string(have)), packages) {
		return nil // a newer build may have fetched more
	}
	if err := fetch(ctx, dir); err != nil {
		return fmt.Errorf("fetch servers: %w", err)
	}
	if err := os.WriteFile(complete, []byte(want), 0o644); err != nil {
		return fmt.Errorf("fetch servers: %w", err)
	}
	return nil
}

// holds tells whether each of want is in have.
func holds(have, want []string) bool {
	return !slices.ContainsFunc(want, func(p string) bool { return !slices.Contains(have, p) })
}

func fetch(ctx context.Context, dir string) error {
	root := filepath.Join(dir, "root")
	debs := filepath.Join(dir, "debs")
	for _, d := range []string{root, debs} {
		if err := os.RemoveAll(d); err != nil {
			return err
		}
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	names, err := withLibraries(ctx)
	if err != nil {
		// On a bare machine the package lists may be missing or stale.
		if _, err := output(ctx, dir, "apt-get", "-qq", "update"); err != nil {
			return err
		}
		if names, err = withLibraries(ctx); err != nil {
			return err
		}
	}
	get := append([]string{"-qq", "-o", "APT::Sandbox::User=root", "download"}, names...)
	if _, err := output(ctx, debs, "apt-get", get...); err != nil {
		if _, err := output(ctx, dir, "apt-get", "-qq", "update"); err != nil {
			return err
		}
		if _, err := output(ctx, debs, "apt-get", get...); err != nil {
			return err
		}
	}
	files, err := filepath.Glob(debs + "/*.deb")
	if err != nil {
		return err
	}
	for _, f := range files {
		if _, err := output(ctx, dir, "dpkg", "-x", f, root); err != nil {
			return err
		}
	}
	// Some packages still ship /bin and /lib: there is only /usr to overlay.
	_, err = output(ctx, root, "/bin/sh", "-ec", `mkdir -p etc usr
		for d in bin sbin lib; do if [ -d $d ] && [ ! -L $d ]; then mkdir -p usr/$d; cp -a $d/. usr/$d/; rm -r $d; fi; done`)
	return err
}

// withLibraries adds the libraries and Python modules that the packages need
// and this machine lacks.
func withLibraries(ctx context.Context) ([]string, error) {
	names := append([]string(nil), packages...)
	seen := map[string]bool{}
	for _, p := range packages {
		seen[p] = true
	}
	for _, p := range packages { // one by one, since they conflict
		out, err := output(ctx, "/", "apt-get", "install", "--simulate", "--no-install-recommends", p)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(out) {
			f := strings.Fields(line)
			if len(f) < 2 || f[0] != "Inst" || seen[f[1]] {
				continue
			}
			if strings.HasPrefix(f[1], "lib") || strings.HasPrefix(f[1], "python3-") || strings.HasSuffix(f[1], "-libs") {
				seen[f[1]] = true
				names = append(names, f[1])
			}
		}
	}
	return names, nil
}

func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
