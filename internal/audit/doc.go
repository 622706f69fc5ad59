// Package audit reads the logs of file servers in one pass and says who fails,
// why and since when.
//
// It hides the dialects (vsftpd, xferlog, ProFTPD, Pure-FTPd, OpenSSH's SFTP,
// IIS, FileZilla Server; bare, behind syslog or from the journal), the formats
// of their times with missing years and zones, compression, rotation, and the
// spreading of the work over processors. Every line becomes an [Event] or is
// counted as belonging to another program, or as unknown with an example:
// nothing is dropped silently.
//
// It promises memory that does not grow with the log (tables are bounded, and
// the [Summary] says when one was cut), findings whose evidence names file and
// line, and no panic on any bytes.
//
//	s, err := audit.Run(ctx, []audit.Input{{Name: "vsftpd.log", Open: open}}, audit.Options{})
//	for _, f := range s.Findings() {
//		fmt.Println(f.Code, f.Subject)
//	}
package audit
