// Package sshwire is the SSH and SFTP wire, as far as a diagnosis needs it:
// identification lines, KEXINIT with every algorithm that a server offers, what
// today's and yesterday's clients have in common with it, host keys against
// known_hosts, key files as they lie on the disk, and SFTP packets.
//
// It exists because an SSH library negotiates only what it can do itself, and
// tells of a server no more than that it failed; a diagnosis must say what was
// offered, whom that leaves out, and what the other programs on a user's desk
// would have made of it.
//
// It works on bytes alone and opens nothing; what it reads comes from strangers,
// so its memory is bounded and it never panics. Of a private key it gives
// nothing but what is public.
//
//	start := sshwire.ParseServerStart(received)
//	if start.KEXINIT != nil {
//		for _, b := range sshwire.WhoBreaks(start.KEXINIT) {
//			// b.Client.Name gets no connection: nothing in common in b.Kind
//		}
//	}
package sshwire
