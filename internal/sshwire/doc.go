// Package sshwire is the SSH and SFTP wire, as far as a diagnosis needs it:
// identification lines, KEXINIT with every algorithm that a server offers, what
// today's and yesterday's clients have in common with it, host keys against
// known_hosts, key files as they lie on the disk, and SFTP packets. It works on
// bytes alone and opens nothing; what it reads comes from strangers, so its
// memory is bounded and it never panics.
package sshwire
