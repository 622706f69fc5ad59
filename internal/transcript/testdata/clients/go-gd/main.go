package main

import (
	"fmt"
	"github.com/studio-b12/gowebdav"
	"os"
	"strings"
)

func main() {
	c := gowebdav.NewClient(os.Args[1], os.Args[2], os.Getenv("PW"))
	if os.Args[3] == "put" {
		err := c.WriteStream("report.bin", strings.NewReader(strings.Repeat("x", 3000000)), 0o644)
		fmt.Println(err)
		return
	}
	if err := c.Connect(); err != nil {
		fmt.Println("connect:", err)
	}
	l, err := c.ReadDir("/")
	fmt.Println(len(l), err)
}
