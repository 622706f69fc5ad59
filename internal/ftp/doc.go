// Package ftp is the wire of the File Transfer Protocol: replies, commands,
// addresses of data connections, features, listings and the encoding of names,
// exact to the byte. It does no input or output of its own beyond an io.Reader
// handed to it, so that a client, a server, a capture and a log all read the
// same way.
//
// It promises bounded memory, time linear in the input and no panic on any
// bytes, and it keeps what it was given: a malformed reply comes back with its
// bytes and with what is wrong with it, because that is what a diagnosis is
// made of.
//
//	replies := ftp.NewReader(conn)
//	greeting, err := replies.Reply()
//	switch {
//	case errors.Is(err, ftp.ErrNotFTP):
//		fmt.Println("that is", ftp.Protocol(greeting.Raw))
//	case err == nil && greeting.Code == 220:
//		name, version := ftp.Software(greeting.All(), "", "")
//	}
package ftp
