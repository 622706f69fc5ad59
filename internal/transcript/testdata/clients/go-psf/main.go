package main

import (
	"fmt"
	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"log"
	"os"
	"strings"
	"time"
)

func main() {
	a := os.Args
	c, err := ssh.Dial("tcp", a[1], &ssh.ClientConfig{User: a[2], Auth: []ssh.AuthMethod{ssh.Password(os.Getenv("PW"))}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 8 * time.Second})
	if err != nil {
		log.Fatalf("unable to connect to [%s]: %v", a[1], err)
	}
	s, err := sftp.NewClient(c)
	if err != nil {
		log.Fatalf("unable to start SFTP subsystem: %v", err)
	}
	if a[3] == "put" {
		f, err := s.Create("report.bin")
		if err != nil {
			log.Fatalf("create: %v", err)
		}
		if _, err = f.ReadFrom(strings.NewReader(strings.Repeat("x", 300000))); err != nil {
			log.Fatalf("write: %v", err)
		}
		return
	}
	if a[3] == "get" {
		_, err := s.Open(a[4])
		if err != nil {
			log.Fatalf("open: %v", err)
		}
		return
	}
	l, err := s.ReadDir(".")
	if err != nil {
		log.Fatalf("readdir: %v", err)
	}
	fmt.Println(len(l), "entries")
}
