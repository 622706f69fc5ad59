package sshwire

import "strings"

// Client is a program with what it offers by default.
type Client struct {
	Name string // "PuTTY 0.83, WinSCP 6.5"
	// Common: many people use it today, so that a server without anything in
	// common with it has a fault. The others are yesterday's, or libraries whose
	// users can set what they offer.
	Common bool
	Offer  KEXINIT
}

// Clients are the programs that people meet SFTP servers with, each family from
// old to new. What they offer is that of their authors' releases; a distribution
// may take away from it (the crypto policies of RHEL 8 and later).
var Clients = []Client{
	// openssh-portable, myproposal.h of the tags V_5_3_P1 to V_10_5_P1. RHEL's
	// 5.3 knows the HMAC-SHA2s besides, which OpenSSH has since 5.9, and Debian's
	// 9.2 the later name of sntrup761x25519-sha512.
	{"OpenSSH 5.3 (RHEL 6)", false, offers(
		"diffie-hellman-group-exchange-sha256 "+dhOld, "ssh-rsa ssh-dss", ctr+" arcfour256 arcfour128 "+openSSHOldCBC,
		"hmac-md5 hmac-sha1 umac-64@openssh.com hmac-sha2-256 hmac-sha2-512 hmac-ripemd160 hmac-ripemd160@openssh.com hmac-sha1-96 hmac-md5-96")},
	{"OpenSSH 6.6 (Ubuntu 14.04, RHEL 7.3)", false, offers(
		"curve25519-sha256@libssh.org "+ecdh+" diffie-hellman-group-exchange-sha256 "+dhOld,
		ecdsaCert+" ssh-ed25519-cert-v01@openssh.com ssh-rsa-cert-v01@openssh.com ssh-dss-cert-v01@openssh.com "+ecdsaKeys+" ssh-ed25519 ssh-rsa ssh-dss",
		ctr+" arcfour256 arcfour128 "+gcm+" "+chacha+" "+openSSHOldCBC,
		"hmac-md5-etm@openssh.com hmac-sha1-etm@openssh.com umac-64-etm@openssh.com umac-128-etm@openssh.com hmac-sha2-256-etm@openssh.com "+
			"hmac-sha2-512-etm@openssh.com hmac-ripemd160-etm@openssh.com hmac-sha1-96-etm@openssh.com hmac-md5-96-etm@openssh.com hmac-md5 "+
			"hmac-sha1 umac-64@openssh.com umac-128@openssh.com hmac-sha2-256 hmac-sha2-512 hmac-ripemd160 hmac-ripemd160@openssh.com hmac-sha1-96 hmac-md5-96")},
	{"OpenSSH 7.4 (RHEL 7, Debian 9)", false, offers(
		curve+" "+ecdh+" diffie-hellman-group-exchange-sha256 diffie-hellman-group16-sha512 diffie-hellman-group18-sha512 "+
			"diffie-hellman-group-exchange-sha1 diffie-hellman-group14-sha256 diffie-hellman-group14-sha1",
		ecdsaCert+" ssh-ed25519-cert-v01@openssh.com ssh-rsa-cert-v01@openssh.com "+ecdsaKeys+" ssh-ed25519 "+rsaSHA2+" ssh-rsa",
		chacha+" "+ctr+" "+gcm+" aes128-cbc aes192-cbc aes256-cbc", openSSHMACs)},
	{"OpenSSH 8.0 (RHEL 8)", true, offers(
		curve+" "+ecdh+" "+dhSHA2+" diffie-hellman-group14-sha1",
		ecdsaCert+" ssh-ed25519-cert-v01@openssh.com "+rsaSHA2Cert+" ssh-rsa-cert-v01@openssh.com "+ecdsaKeys+" ssh-ed25519 "+rsaSHA2+" ssh-rsa",
		chacha+" "+ctr+" "+gcm, openSSHMACs)},
	{"OpenSSH 8.9 (Ubuntu 22.04)", true, offers(curve+" "+ecdh+" "+sntrupOld+" "+dhSHA2, openSSHKeys, chacha+" "+ctr+" "+gcm, openSSHMACs)},
	{"OpenSSH 9.2 (Debian 12)", true, offers(sntrup+" "+curve+" "+ecdh+" "+dhSHA2, openSSHKeys, chacha+" "+ctr+" "+gcm, openSSHMACs)},
	{"OpenSSH 9.9", true, offers(sntrup+" mlkem768x25519-sha256 "+curve+" "+ecdh+" "+dhSHA2, openSSHKeys, chacha+" "+ctr+" "+gcm, openSSHMACs)},
	{"OpenSSH 10.x (Debian 13)", true, offers("mlkem768x25519-sha256 "+sntrup+" "+curve+" "+ecdh+" "+dhSHA2, openSSHKeys, chacha+" "+gcm+" "+ctr, openSSHMACs)},

	// PuTTY's code as WinSCP's tags 5.11.3 (0.70), 6.1.2 (0.78) and 6.5.6 (0.83)
	// hold it: settings.c, ssh2transport.c or ssh/transport2.c, crypto/. What
	// stands below the "warn" line is offered too; single DES is not.
	{"PuTTY 0.70, WinSCP 5.11", false, offers(
		"curve25519-sha256@libssh.org "+ecdh+" diffie-hellman-group-exchange-sha256 diffie-hellman-group-exchange-sha1 diffie-hellman-group14-sha1 "+
			"rsa2048-sha256 rsa1024-sha1 diffie-hellman-group1-sha1",
		"ssh-ed25519 "+ecdsaKeys+" ssh-rsa ssh-dss", puttyAES+" "+chacha+" blowfish-ctr blowfish-cbc 3des-ctr 3des-cbc arcfour256 arcfour128",
		"hmac-sha2-256 hmac-sha1 hmac-sha1-96 hmac-md5 "+puttyETM)},
	{"PuTTY 0.78, WinSCP 6.1", true, offers(
		sntrupOld+" "+puttyKEX, puttyKeys, puttyCiphers, "hmac-sha2-256 hmac-sha1 hmac-sha1-96 hmac-md5 "+puttyETM)},
	{"PuTTY 0.83, WinSCP 6.5", true, offers(
		sntrup+" mlkem768x25519-sha256 mlkem1024nistp384-sha384 mlkem768nistp256-sha256 "+puttyKEX, puttyKeys, puttyCiphers,
		"hmac-sha2-256 hmac-sha2-512 hmac-sha1 hmac-sha1-96 hmac-md5 "+puttyETM+" hmac-sha2-512-etm@openssh.com")},

	// JSch.java: the last release of JCraft, and mwiede/jsch at jsch-0.2.17 and
	// jsch-2.28.7. Lists that its run-time check shortens are as on Java 15 or later.
	{"JSch 0.1.55", false, offers(
		ecdh+" diffie-hellman-group14-sha1 diffie-hellman-group-exchange-sha256 diffie-hellman-group-exchange-sha1 diffie-hellman-group1-sha1",
		"ssh-rsa ssh-dss "+ecdsaKeys, "aes128-ctr aes128-cbc 3des-ctr 3des-cbc blowfish-cbc aes192-ctr aes192-cbc aes256-ctr aes256-cbc",
		"hmac-md5 hmac-sha1 hmac-sha2-256 hmac-sha1-96 hmac-md5-96")},
	{"JSch 0.2 (mwiede)", true, offers(curve+" "+ecdh+" "+dhSHA2, "ssh-ed25519 "+ecdsaKeys+" "+rsaSHA2, ctr+" "+gcm, jschMACs)},
	{"JSch 2.28 (mwiede)", true, offers("mlkem768x25519-sha256 "+curve+" "+ecdh+" "+dhSHA2,
		"ssh-ed25519-cert-v01@openssh.com "+ecdsaCert+" "+rsaSHA2Cert+" ssh-ed25519 "+ecdsaKeys+" "+rsaSHA2, gcm+" "+ctr, jschMACs)},

	// paramiko/transport.py of the tags 2.4.3, 2.9.5, 3.5.1, 4.0.0.
	{"paramiko 2.4", false, offers(
		ecdh+" diffie-hellman-group-exchange-sha256 "+dhOld, "ssh-ed25519 "+ecdsaKeys+" ssh-rsa ssh-dss", ctr+" aes128-cbc aes192-cbc aes256-cbc blowfish-cbc 3des-cbc",
		"hmac-sha2-256 hmac-sha2-512 hmac-sha1 hmac-md5 hmac-sha1-96 hmac-md5-96")},
	{"paramiko 2.9", false, offers(paramikoKEX, paramikoKeys+" ssh-dss", ctr+" aes128-cbc aes192-cbc aes256-cbc blowfish-cbc 3des-cbc", paramikoMACs)},
	{"paramiko 3.5", true, offers(paramikoKEX, paramikoKeys+" ssh-dss", ctr+" aes128-cbc aes192-cbc aes256-cbc 3des-cbc "+gcm, paramikoMACs)},
	{"paramiko 4.0", true, offers(paramikoKEX, paramikoKeys, ctr+" aes128-cbc aes192-cbc aes256-cbc 3des-cbc "+gcm, paramikoMACs)},

	// libssh2, src/kex.c, hostkey.c, crypt.c, mac.c of the tags libssh2-1.8.0,
	// 1.10.0 and 1.11.1, as built with OpenSSL without the weakest ciphers.
	{"libssh2 1.8 (curl, PHP)", false, offers(
		"diffie-hellman-group-exchange-sha256 "+dhOld, "ssh-rsa ssh-dss", ctr+" "+libssh2CBC, "hmac-sha2-256 hmac-sha2-512 "+libssh2OldMACs)},
	{"libssh2 1.10 (curl, PHP)", true, offers(
		libssh2KEX, ecdsaKeys+" "+ecdsaCert+" ssh-ed25519 ssh-rsa ssh-dss", ctr+" "+libssh2CBC, "hmac-sha2-256 hmac-sha2-512 "+libssh2OldMACs)},
	{"libssh2 1.11 (curl, PHP)", true, offers(
		libssh2KEX, ecdsaKeys+" "+ecdsaCert+" ssh-ed25519 ssh-ed25519-cert-v01@openssh.com "+rsaSHA2+" "+rsaSHA2Cert+" ssh-rsa ssh-rsa-cert-v01@openssh.com",
		chacha+" aes256-gcm@openssh.com aes128-gcm@openssh.com aes256-ctr aes192-ctr aes128-ctr "+libssh2CBC,
		"hmac-sha2-256 hmac-sha2-256-etm@openssh.com hmac-sha2-512 hmac-sha2-512-etm@openssh.com hmac-sha1 hmac-sha1-etm@openssh.com "+
			"hmac-sha1-96 hmac-md5 hmac-md5-96 hmac-ripemd160 hmac-ripemd160@openssh.com")},

	// golang.org/x/crypto v0.10.0 and v0.58.0, ssh/common.go.
	{"Go x/crypto 0.10 (2023)", false, offers(
		curve+" "+ecdh+" diffie-hellman-group14-sha256 diffie-hellman-group14-sha1", goOldKeys, gcm+" "+chacha+" "+ctr,
		"hmac-sha2-512-etm@openssh.com hmac-sha2-256-etm@openssh.com hmac-sha2-256 hmac-sha1 hmac-sha1-96")},
	{"Go x/crypto (rclone, SFTPGo)", true, offers(
		"mlkem768x25519-sha256 "+curve+" "+ecdh+" diffie-hellman-group14-sha256 diffie-hellman-group14-sha1", goKeys, gcm+" "+chacha+" "+ctr,
		"hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com hmac-sha2-256 hmac-sha2-512 hmac-sha1 hmac-sha1-96")},

	// sshnet/SSH.NET, ConnectionInfo.cs of the tags 2016.1.0, 2020.0.1, 2024.1.0.
	{"SSH.NET 2016", false, offers(
		"diffie-hellman-group-exchange-sha256 "+dhOld, "ssh-rsa ssh-dss", "aes256-ctr 3des-cbc aes128-cbc aes192-cbc aes256-cbc "+sshNetOld+" aes128-ctr aes192-ctr", sshNetOldMACs)},
	{"SSH.NET 2020", true, offers(
		sshNetKEX, "ssh-ed25519 "+ecdsaKeys+" ssh-rsa ssh-dss", "aes256-ctr 3des-cbc aes128-cbc aes192-cbc aes256-cbc "+sshNetOld+" aes128-ctr aes192-ctr", sshNetOldMACs)},
	{"SSH.NET 2024", true, offers(
		sshNetKEX, "ssh-ed25519 "+ecdsaKeys+" "+rsaSHA2+" ssh-rsa ssh-dss", ctr+" "+gcm+" aes128-cbc aes192-cbc aes256-cbc 3des-cbc "+sshNetOld,
		"hmac-sha2-256 hmac-sha2-512 hmac-sha2-512-96 hmac-sha2-256-96 hmac-sha1 hmac-sha1-96 hmac-md5 hmac-md5-96 hmac-sha2-256-etm@openssh.com "+
			"hmac-sha2-512-etm@openssh.com hmac-sha1-etm@openssh.com hmac-sha1-96-etm@openssh.com hmac-md5-etm@openssh.com hmac-md5-96-etm@openssh.com")},
}

// Lists that stand in several of them.
const (
	curve     = "curve25519-sha256 curve25519-sha256@libssh.org"
	ecdh      = "ecdh-sha2-nistp256 ecdh-sha2-nistp384 ecdh-sha2-nistp521"
	sntrupOld = "sntrup761x25519-sha512@openssh.com"
	sntrup    = "sntrup761x25519-sha512 " + sntrupOld
	dhSHA2    = "diffie-hellman-group-exchange-sha256 diffie-hellman-group16-sha512 diffie-hellman-group18-sha512 diffie-hellman-group14-sha256"
	dhOld     = "diffie-hellman-group-exchange-sha1 diffie-hellman-group14-sha1 diffie-hellman-group1-sha1"

	ecdsaKeys   = "ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521"
	ecdsaCert   = "ecdsa-sha2-nistp256-cert-v01@openssh.com ecdsa-sha2-nistp384-cert-v01@openssh.com ecdsa-sha2-nistp521-cert-v01@openssh.com"
	rsaSHA2     = "rsa-sha2-512 rsa-sha2-256"
	rsaSHA2Cert = "rsa-sha2-512-cert-v01@openssh.com rsa-sha2-256-cert-v01@openssh.com"

	ctr    = "aes128-ctr aes192-ctr aes256-ctr"
	gcm    = "aes128-gcm@openssh.com aes256-gcm@openssh.com"
	chacha = "chacha20-poly1305@openssh.com"

	openSSHKeys = "ssh-ed25519-cert-v01@openssh.com " + ecdsaCert +
		" sk-ssh-ed25519-cert-v01@openssh.com sk-ecdsa-sha2-nistp256-cert-v01@openssh.com " + rsaSHA2Cert +
		" ssh-ed25519 " + ecdsaKeys + " sk-ssh-ed25519@openssh.com sk-ecdsa-sha2-nistp256@openssh.com " + rsaSHA2
	openSSHMACs = "umac-64-etm@openssh.com umac-128-etm@openssh.com hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com " +
		"hmac-sha1-etm@openssh.com umac-64@openssh.com umac-128@openssh.com hmac-sha2-256 hmac-sha2-512 hmac-sha1"
	openSSHOldCBC = "aes128-cbc 3des-cbc blowfish-cbc cast128-cbc aes192-cbc aes256-cbc arcfour rijndael-cbc@lysator.liu.se"

	puttyKEX = "curve448-sha512 " + curve + " " + ecdh + " diffie-hellman-group-exchange-sha256 diffie-hellman-group-exchange-sha1 " +
		"diffie-hellman-group18-sha512 diffie-hellman-group17-sha512 diffie-hellman-group16-sha512 diffie-hellman-group15-sha512 " +
		"diffie-hellman-group14-sha256 diffie-hellman-group14-sha1 rsa2048-sha256 rsa1024-sha1 diffie-hellman-group1-sha1"
	puttyKeys    = "ssh-ed448 ssh-ed25519 " + ecdsaKeys + " " + rsaSHA2 + " ssh-rsa ssh-dss"
	puttyAES     = "aes256-ctr aes256-cbc rijndael-cbc@lysator.liu.se aes192-ctr aes192-cbc aes128-ctr aes128-cbc"
	puttyCiphers = puttyAES + " " + chacha + " aes256-gcm@openssh.com aes128-gcm@openssh.com 3des-ctr 3des-cbc blowfish-ctr blowfish-cbc arcfour256 arcfour128"
	puttyETM     = "hmac-sha2-256-etm@openssh.com hmac-sha1-etm@openssh.com hmac-sha1-96-etm@openssh.com hmac-md5-etm@openssh.com"

	jschMACs = "hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com hmac-sha1-etm@openssh.com hmac-sha2-256 hmac-sha2-512 hmac-sha1"

	paramikoKEX = "curve25519-sha256@libssh.org " + ecdh + " diffie-hellman-group16-sha512 diffie-hellman-group-exchange-sha256 " +
		"diffie-hellman-group14-sha256 " + dhOld
	paramikoKeys = "ssh-ed25519 " + ecdsaKeys + " " + rsaSHA2 + " ssh-rsa"
	paramikoMACs = "hmac-sha2-256 hmac-sha2-512 hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com hmac-sha1 hmac-md5 hmac-sha1-96 hmac-md5-96"

	libssh2KEX = curve + " " + ecdh + " " + dhSHA2 + " diffie-hellman-group14-sha1 diffie-hellman-group1-sha1 diffie-hellman-group-exchange-sha1"
	libssh2CBC = "aes256-cbc rijndael-cbc@lysator.liu.se aes192-cbc aes128-cbc 3des-cbc"

	libssh2OldMACs = "hmac-sha1 hmac-sha1-96 hmac-md5 hmac-md5-96 hmac-ripemd160 hmac-ripemd160@openssh.com"

	goCert    = "ssh-rsa-cert-v01@openssh.com ssh-dss-cert-v01@openssh.com " + ecdsaCert + " ssh-ed25519-cert-v01@openssh.com"
	goOldKeys = rsaSHA2Cert + " " + goCert + " " + ecdsaKeys + " rsa-sha2-512 rsa-sha2-256 ssh-rsa ssh-dss ssh-ed25519"
	goKeys    = "rsa-sha2-256-cert-v01@openssh.com rsa-sha2-512-cert-v01@openssh.com " + goCert + " " + ecdsaKeys + " rsa-sha2-256 rsa-sha2-512 ssh-rsa ssh-dss ssh-ed25519"

	sshNetKEX = curve + " " + ecdh + " diffie-hellman-group-exchange-sha256 diffie-hellman-group-exchange-sha1 diffie-hellman-group16-sha512 " +
		"diffie-hellman-group14-sha256 diffie-hellman-group14-sha1 diffie-hellman-group1-sha1"
	sshNetOld     = "blowfish-cbc twofish-cbc twofish192-cbc twofish128-cbc twofish256-cbc arcfour arcfour128 arcfour256 cast128-cbc"
	sshNetOldMACs = "hmac-md5 hmac-md5-96 hmac-sha1 hmac-sha1-96 hmac-sha2-256 hmac-sha2-256-96 hmac-sha2-512 hmac-sha2-512-96 hmac-ripemd160 hmac-ripemd160@openssh.com"
)

// offers builds an offer that is the same in both directions, without
// compression, which every client can do without.
func offers(kex, hostKeys, ciphers, macs string) KEXINIT {
	c, m, none := strings.Fields(ciphers), strings.Fields(macs), []string{"none"}
	return KEXINIT{
		KEX: strings.Fields(kex), HostKeys: strings.Fields(hostKeys), CiphersC2S: c, CiphersS2C: c,
		MACsC2S: m, MACsS2C: m, CompressionC2S: none, CompressionS2C: none,
	}
}
