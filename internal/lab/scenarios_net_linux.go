package lab

import "context"

func netScenarios() []Scenario {
	return []Scenario{
		{
			Name:  "net/drop-at-gateway",
			Story: "The office firewall silently drops outgoing FTP.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/port-filtered"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				return n.Gateway.Filter(ctx, "forward", "tcp dport 21 drop")
			}),
			Proof: Proof{
				Run:   curl + "ftp://" + FTPName + "/; ping -c1 -W2 " + ServerIP,
				Match: `[Tt]imeout was reached[\s\S]*1 received`,
			},
		},
		{
			Name:  "net/drop-at-edge",
			Story: "The data centre's edge router silently drops FTP.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/port-filtered"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				return n.Edge.Filter(ctx, "forward", "tcp dport 21 drop")
			}),
			Proof: Proof{
				Run:   curl + "ftp://" + FTPName + "/; ping -c1 -W2 " + ServerIP,
				Match: `[Tt]imeout was reached[\s\S]*1 received`,
			},
		},
		{
			Name:  "net/reset-at-gateway",
			Story: "The office firewall answers outgoing FTP with a reset.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/port-rejected"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				return n.Gateway.Filter(ctx, "forward", "tcp dport 21 reject with tcp reset")
			}),
			Proof: Proof{
				Run:   curl + "ftp://" + FTPName + "/; ping -c1 -W2 " + ServerIP,
				Match: `refused[\s\S]*1 received`,
			},
		},
	}
}
