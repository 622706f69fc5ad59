package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"github.com/jlaffaye/ftp"
	"log"
	"os"
	"strings"
	"time"
)

func main() {
	a := os.Args
	opts := []ftp.DialOption{ftp.DialWithTimeout(8 * time.Second)}
	if a[3] != "quiet" {
		opts = append(opts, ftp.DialWithDebugOutput(os.Stdout))
	}
	h, _, _ := strings.Cut(a[1], ":")
	if a[3] == "tls" || a[3] == "implicit" {
		p := x509.NewCertPool()
		b, _ := os.ReadFile(os.Getenv("CA"))
		p.AppendCertsFromPEM(b)
		c := &tls.Config{ServerName: h, RootCAs: p, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
		if a[3] == "tls" {
			opts = append(opts, ftp.DialWithExplicitTLS(c))
		} else {
			opts = append(opts, ftp.DialWithTLS(c))
		}
	}
	c, err := ftp.Dial(a[1], opts...)
	if err != nil {
		log.Fatal("dial: ", err)
	}
	if err = c.Login(a[2], os.Getenv("PW")); err != nil {
		log.Fatal("login: ", err)
	}
	if a[3] == "put" {
		if err := c.Stor("report.bin", strings.NewReader(strings.Repeat("x", 300000))); err != nil {
			log.Fatal("stor: ", err)
		}
		return
	}
	l, err := c.List("")
	if err != nil {
		log.Fatal("list: ", err)
	}
	fmt.Println(len(l), "entries")
}
