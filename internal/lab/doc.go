// Package lab builds a small internet out of network namespaces, breaks it in
// one known way, and looks whether the check names what was broken.
//
// It hides namespaces, veth pairs, overlays, fetched server packages and
// tear-down. It promises that nothing of the machine changes (no address,
// route, firewall rule, account or file outside its own cache and temporary
// directory, apart from /etc/netns/ftplab*), that everything it started ends
// with [Net.Close] or, after a crash, with [Down], and that a scenario counts
// only if an independent client has shown its fault first. It needs Linux and
// root; elsewhere every entry point says so.
//
// # Topology
//
//	client ── gateway (NAT, hop 1) ── edge (hop 2) ── server
//	              └── dns
//
//	client   eth0 192.168.77.20/24 2001:db8:77::20/64
//	gateway  lan0 192.168.77.1/24  2001:db8:77::1/64   (a bridge)
//	         wan0 203.0.113.2/24   2001:db8:113::2/64
//	         dns0 192.0.2.1/24     2001:db8:53::1/64
//	edge     up0  203.0.113.1/24   2001:db8:113::1/64
//	         dmz0 198.51.100.1/24  2001:db8:100::1/64  (a bridge)
//	server   eth0 198.51.100.10/24 2001:db8:100::10/64
//	dns      eth0 192.0.2.53/24    2001:db8:53::53/64
//
// IPv4 of the client leaves the gateway translated to 203.0.113.2; IPv6 is
// routed. The client's resolver is 192.0.2.53, which serves [Net.Zone]:
// ftp.lab.example has one A record (198.51.100.10) and no AAAA until a
// scenario adds one. The server runs in mount and pid namespaces of its own:
// the fetched servers appear at their usual paths below /usr, and /etc, /home,
// /srv, /run, /tmp, /var/log, /var/lib and /var/spool are its own.
//
// # A scenario
//
//	Scenario{
//		Name:  "auth/user-denied",
//		Story: "The user was put on vsftpd's deny list.",
//		Args:  []string{"ftp://alice@ftp.lab.example/"},
//		Env:   []string{"FTPDOCTOR_PASSWORD=" + Password},
//		Want:  []string{"auth/user-denied"},
//		Setup: func(ctx context.Context, n *Net) error {
//			if err := n.User(ctx, "alice", Password, UserKnobs{}); err != nil {
//				return err
//			}
//			if err := n.Server.WriteFile("/etc/vsftpd.user_list", "alice\n"); err != nil {
//				return err
//			}
//			_, err := n.VSFTPD(ctx, "userlist_enable=YES")
//			return err
//		},
//		Proof: Proof{
//			Run:   "curl -sv --max-time 10 ftp://alice:" + Password + "@ftp.lab.example/",
//			Match: `> USER alice\s+< 530 Permission denied`,
//		},
//	}
//
// A server starts with defaults that work (see [Net.VSFTPD] and its siblings);
// a scenario says only what is different. Scenarios of one layer sit in one
// file and one function, which [List] names.
package lab
