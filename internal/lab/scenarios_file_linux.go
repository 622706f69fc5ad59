package lab

// put lists the home directory, stores a file of 256 KiB in a directory and
// prints every reply. Python's ftplib lets us read the reply after the server
// has reset the data connection, where curl and lftp give up.
func put(dir string) string {
	return `python3 -c '
import ftplib
f = ftplib.FTP("` + FTPName + `", "lab", "` + Password + `", timeout=5)
f.dir()
f.set_debuglevel(1)
try:
    data = f.transfercmd("STOR ` + dir + `/up.bin")
    try:
        data.sendall(bytes(262144))
    except OSError as e:
        print(e)
    data.close()
    f.voidresp()
except ftplib.Error as e:
    print(e)
'`
}

// fileScenarios are refusals and failures of storage.
func fileScenarios() []Scenario {
	return append(uploadScenarios(), downloadScenarios()...)
}

// uploadScenarios are uploads that fail.
func uploadScenarios() []Scenario {
	upload := func(slug, story string, want []string, s setup, match string) Scenario {
		return fault("file/"+slug, story, want, s, Proof{Run: put("/home/lab"), Match: match}).check("--op", "upload", target)
	}
	into := func(slug, story string, s setup, match string) Scenario {
		c := fault("file/"+slug, story, []string{"file/permission-denied"}, then(s, on(server, "mkdir /home/lab/incoming")), Proof{Run: put("/home/lab/incoming"), Match: match})
		return c.check("--op", "upload", target+"incoming/")
	}
	full, readOnly := []string{"file/disk-full"}, []string{"file/read-only"}
	disabled := []string{"file/uploads-disabled"}
	inodes := []string{"file/disk-full"}
	home := func(options, more string) setup {
		return on(server, "mount -t tmpfs -o mode=755,"+options+" lab /home/lab; echo hello >/home/lab/hello.txt; chown lab /home/lab\n"+more)
	}
	small, fewInodes := home("size=64k", ""), home("size=10m,nr_inodes=4", "touch /home/lab/a /home/lab/b")
	quota := on(server, "head -c 1040000 /dev/zero >/home/lab/old.bin; echo '2 1040019' >/home/lab/.ftpquota; chown lab /home/lab/old.bin /home/lab/.ftpquota")
	ro := home("size=10m", "mount -o remount,ro /home/lab")
	return []Scenario{
		into("directory-of-root", "The upload directory was made by root.", vsftpd(""), ` incoming\r?\n[\s\S]*553 Could not create file`),
		into("directory-of-root-proftpd", "The same with ProFTPD.", proftpd(""), `550 \S+: Permission denied`),
		into("directory-of-root-pureftpd", "The same with Pure-FTPd.", pureFTPD(), `553 Can't open that file: Permission denied`),
		upload("uploads-disabled", "write_enable is NO, its default.", disabled, vsftpd("write_enable=NO"), `STOR[\s\S]*550 Permission denied`),
		upload("uploads-disabled-proftpd", "<Limit WRITE> denies all.", append(disabled, "file/permission-denied"), proftpd("<Limit WRITE>\nDenyAll\n</Limit>"), `550 \S+: Operation not permitted`),
		upload("uploads-disabled-pyftpdlib", "The account got the permissions elr, which only read.", append(disabled, "file/permission-denied"),
			pyftpdlib("authorizer.remove_user(\"lab\")\nauthorizer.add_user(\"lab\", \""+Password+"\", \"/srv/ftp\", perm=\"elr\")\n"), `550 Not enough privileges`),
		upload("disk-full", "The disk is full; vsftpd says only that writing failed.", full, then(vsftpd(""), small), `(451|426) Failure writing`).hostDecides(),
		upload("disk-full-proftpd", "The disk is full; ProFTPD says only that the transfer was aborted.", full, then(proftpd(""), small), `451 Transfer aborted\. Input/output error`).hostDecides(),
		upload("disk-full-pureftpd", "The disk is full; Pure-FTPd says only that writing failed.", full, then(pureFTPD(), small), `451-Error during write to file`).hostDecides(),
		upload("inodes", "No inode is left on the disk.", inodes, then(vsftpd(""), fewInodes), `553 Could not create file`).hostDecides().also("file/permission-denied"),
		upload("inodes-proftpd", "No inode is left on the disk; ProFTPD says that no space is left.", inodes, then(proftpd(""), fewInodes), `550 \S+: No space left on device`),
		upload("read-only", "The file system was mounted read-only after an error.", readOnly, then(vsftpd(""), ro), `553 Could not create file`).hostDecides(),
		upload("read-only-proftpd", "The same with ProFTPD, which says so.", readOnly, then(proftpd(""), ro), `550 \S+: Read-only file system`),
		upload("read-only-pureftpd", "The same with Pure-FTPd, which says so.", readOnly, then(pureFTPD(), ro), `553 Can't open that file: Read-only file system`),
		fault("file/quota", "The account has used up its virtual quota.", []string{"file/quota-exceeded"}, then(pureFTPD("-A", "-n", "100:1"), quota),
			Proof{Run: put(""), Match: `552 .*[Qq]uota`}).check("--op", "upload", target),
		upload("name-refused", "PathAllowFilter takes names of the form 8.3 only.", []string{"file/name-refused"},
			proftpd(`PathAllowFilter "^[A-Z0-9]{1,8}[.][A-Z]{1,3}$"`), `550 \S+: Forbidden filename`),
	}
}

// downloadScenarios are downloads and listings that fail.
func downloadScenarios() []Scenario {
	missing, denied := []string{"file/not-found"}, []string{"file/permission-denied"}
	hello := curl + "ftp://" + FTPName + "/hello.txt"
	download := func(slug, story string, want []string, s setup, match string) Scenario {
		return fault("file/"+slug, story, want, s, Proof{Run: hello, Match: match}).check("--op", "download", target+"hello.txt")
	}
	remove, protect := on(server, "rm /home/lab/hello.txt"), on(server, "chown root /home/lab/hello.txt; chmod 600 /home/lab/hello.txt")
	return []Scenario{
		download("missing", "The file was collected and removed by somebody else.", missing, then(vsftpd(""), remove), `SIZE hello\.txt\s+< 550 Could not get file size`),
		download("missing-proftpd", "The same with ProFTPD.", missing, then(proftpd(""), remove), `550 hello\.txt: No such file or directory`),
		download("unreadable", "The file belongs to root and is closed; vsftpd's words are the same as for a missing one.", denied, then(vsftpd(""), protect), `RETR hello\.txt\s+< 550 Failed to open file`),
		download("unreadable-proftpd", "The same with ProFTPD, which says so.", denied, then(proftpd(""), protect), `550 hello\.txt: Permission denied`),
		download("downloads-disabled", "download_enable is NO.", denied, vsftpd("download_enable=NO"), `RETR hello\.txt\s+< 550 Permission denied`),
		fault("file/directory-missing", "The directory of the URL does not exist on the new server.", missing, vsftpd(""),
			Proof{Run: curl + "ftp://" + FTPName + "/reports/", Match: `CWD reports[\s\S]*< 550 Failed to change directory`}).check(target + "reports/"),
		fault("file/listing-disabled", "dirlist_enable is NO.", denied, vsftpd("dirlist_enable=NO"), Proof{Run: curlFTP, Match: `LIST[\s\S]*< 550 Permission denied`}),
		control("large-directory", "A directory of 5,000 files.", then(vsftpd(""), on(server, "cd /home/lab; seq -f 'report-%05.0f.csv' 5000 | xargs touch")),
			Proof{Run: curlFTP, Match: `report-05000\.csv`}),
		control("utf8-names", "File names in Chinese, in UTF-8.", then(vsftpd("utf8_filesystem=YES"), on(server, "touch /home/lab/年度报告.pdf /home/lab/Übersicht.txt")),
			Proof{Run: curlFTP, Match: `年度报告\.pdf`}),
		control("empty-directory", "An empty directory.", then(vsftpd(""), on(server, "rm /home/lab/hello.txt")), Proof{Run: curlFTP, Match: `226 Directory send OK`, Not: `hello`}),
		control("upload-tls", "A file can be put over TLS, into a directory of the URL.", then(vsftpdTLS(CertKnobs{}, ""), on(server, "install -d -o lab /home/lab/incoming")),
			Proof{Run: "head -c 262144 /dev/urandom >up.bin; " + curl + "--ssl-reqd -T up.bin ftp://" + FTPName + "/incoming/; rm up.bin", Match: `226 Transfer complete`}).
			overTLS().check("--op", "upload", tlsTarget+"incoming/"),
		control("download-proftpd", "A file can be fetched from ProFTPD over TLS.", proftpdTLS(CertKnobs{}, ""),
			Proof{Run: hello + " --ssl-reqd", Match: `hello from the lab`}).overTLS().check("--op", "download", tlsTarget+"hello.txt"),
	}
}
