package lint_test

import (
	"testing"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/lint"
)

// healthy are configurations as a careful administrator writes them.
var healthy = map[string]struct {
	kind conf.Kind
	src  string
}{
	"vsftpd": {conf.VSFTPD, `# Standalone, IPv4 and IPv6
listen=NO
listen_ipv6=YES
anonymous_enable=NO
local_enable=YES
write_enable=YES
local_umask=022
dirmessage_enable=YES
use_localtime=YES
xferlog_enable=YES
chroot_local_user=YES
user_sub_token=$USER
local_root=/srv/ftp/$USER
secure_chroot_dir=/var/run/vsftpd/empty
pam_service_name=vsftpd
userlist_enable=YES
rsa_cert_file=/etc/letsencrypt/live/ftp.example.com/fullchain.pem
rsa_private_key_file=/etc/letsencrypt/live/ftp.example.com/privkey.pem
ssl_enable=YES
ssl_ciphers=HIGH:!aNULL:!MD5:!3DES
require_ssl_reuse=NO
pasv_address=ftp.example.com
pasv_addr_resolve=YES
pasv_min_port=50000
pasv_max_port=50499
max_clients=200
max_per_ip=20
idle_session_timeout=300
`},
	"proftpd": {conf.ProFTPD, `LoadModule mod_tls.c
ServerName "Example"
ServerType standalone
DefaultServer on
UseReverseDNS off
Port 21
User proftpd
Group nogroup
MaxInstances 100
TransferLog /var/log/proftpd/xferlog
<Global>
  ServerIdent on "FTP server ready"
  Umask 022 022
  AllowOverwrite on
  DefaultRoot ~ !admins
  MaxClientsPerHost 10 "Too many connections"
  MaxLoginAttempts 3
  PassivePorts 50000 50499
  MasqueradeAddress 198.51.100.7
  TimeoutIdle 600
  <IfModule mod_tls.c>
    TLSEngine on
    TLSRequired on
    TLSProtocol TLSv1.2 TLSv1.3
    TLSOptions NoSessionReuseRequired
    TLSRSACertificateFile /etc/ssl/ftp.pem
    TLSRSACertificateKeyFile /etc/ssl/private/ftp.key
  </IfModule>
</Global>
<IfModule mod_ctrls.c>
  ControlsEngine off
</IfModule>
<Limit LOGIN>
  Order deny,allow
  Allow from 192.0.2.0/24
  Deny from all
</Limit>
<Anonymous ~ftp>
  User ftp
  Group nogroup
  UserAlias anonymous ftp
  <Limit WRITE>
    DenyAll
  </Limit>
  <Directory incoming>
    <Limit READ>
      DenyAll
    </Limit>
    <Limit STOR>
      AllowAll
    </Limit>
  </Directory>
</Anonymous>
<VirtualHost 198.51.100.8>
  ServerName "Second"
  Umask 027
</VirtualHost>
`},
	"pure-ftpd": {conf.PureFTPD, `ChrootEveryone               yes
MaxClientsNumber             50
MaxClientsPerIP              8
NoAnonymous                  yes
SyslogFacility               ftp
DontResolve                  yes
MaxIdleTime                  15
PureDB                       /etc/pure-ftpd/pureftpd.pdb
LimitRecursion               10000 8
PassivePortRange             50000 50199
ForcePassiveIP               198.51.100.7
Umask                        133:022
MinUID                       1000
AltLog                       clf:/var/log/pure-ftpd/transfer.log
TLS                          2
CertFile                     /etc/ssl/private/pure-ftpd.pem
`},
	"sshd": {conf.SSHD, `Port 22
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM yes
X11Forwarding no
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp -f AUTHPRIV -l INFO
AllowGroups admins sftp
Match Group sftp
    ChrootDirectory /srv/sftp/%u
    ForceCommand internal-sftp -l INFO
    DisableForwarding yes
    PermitTTY no
Match Group admins Address 192.0.2.0/24,2001:db8::/32
    PasswordAuthentication yes
`},
	"iis": {conf.IIS, `<?xml version="1.0" encoding="UTF-8"?>
<configuration>
  <configSections>
    <sectionGroup name="system.ftpServer"><section name="log" /></sectionGroup>
  </configSections>
  <system.applicationHost>
    <sites>
      <site name="Default Web Site" id="1">
        <bindings><binding protocol="http" bindingInformation="*:80:" /></bindings>
      </site>
      <site name="Files" id="2" serverAutoStart="true">
        <application path="/"><virtualDirectory path="/" physicalPath="D:\files" /></application>
        <bindings><binding protocol="ftp" bindingInformation="*:21:" /></bindings>
        <ftpServer>
          <connections maxConnections="200" controlChannelTimeout="120" />
          <security>
            <ssl serverCertHash="AB12" controlChannelPolicy="SslRequire" dataChannelPolicy="SslRequire" />
            <authentication>
              <anonymousAuthentication enabled="false" />
              <basicAuthentication enabled="true" />
              <customAuthentication><providers><add name="IisManagerAuth" enabled="false" /></providers></customAuthentication>
            </authentication>
            <commandFiltering maxCommandLine="4096"><add command="SITE" allowed="false" /></commandFiltering>
          </security>
          <firewallSupport externalIp4Address="198.51.100.7" />
          <userIsolation mode="IsolateAllDirectories" />
          <logFile period="Daily" enabled="true" selectiveLogging="LogAll" />
        </ftpServer>
      </site>
    </sites>
  </system.applicationHost>
  <system.ftpServer>
    <firewallSupport lowDataChannelPort="50000" highDataChannelPort="50499" />
    <providerDefinitions><add name="x" type="y" /><activation><providerData name="z" /></activation></providerDefinitions>
    <security><authentication><denyByFailure enabled="true" maxFailure="4" /></authentication></security>
  </system.ftpServer>
  <location path="Files">
    <system.ftpServer><security><authorization><add accessType="Allow" roles="ftpusers" permissions="Read, Write" /></authorization></security></system.ftpServer>
  </location>
</configuration>
`},
}

// TestHealthy: nothing is said at warning or above of what is well.
func TestHealthy(t *testing.T) {
	for name, h := range healthy {
		doc, problems := conf.Parse(h.kind, name+".conf", []byte(h.src))
		for _, p := range lint.Check(conf.Single(doc), problems).Problems {
			if p.Severity >= finding.Warning {
				t.Errorf("%s: %s: %s: %s", p.Pos, p.Severity, p.Rule, p.Message(finding.English))
			} else {
				t.Logf("%s: %s: %s", p.Pos, p.Severity, p.Rule)
			}
		}
	}
}
