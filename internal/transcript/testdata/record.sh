#!/bin/bash
# Records what real clients print against the fault lab: one file per line of
# record.list, in lab/. Needs Linux, root, the program (FTPDOCTOR, default
# ./ftpdoctor) and the clients; a client that is not there is skipped.
#
#   record.sh [PATTERN]     only the lines that match
#
# TOOLS names a directory with clients that are not installed (as dpkg -x leaves
# them) and the one with the Node modules. Nothing but the lab's password is
# taken out of what a client printed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
fd=${FTPDOCTOR:-./ftpdoctor}
tools=${TOOLS:-/nonexistent}
ours=$HOME
password='Lab-pw.7Qz2x'
export PATH="$tools/usr/bin:$PATH" PYTHONPATH="$tools/usr/lib/python3/dist-packages" NODE_PATH="${NODE_MODULES:-}"
export LD_LIBRARY_PATH="$tools/usr/lib/x86_64-linux-gnu" LOCPATH="${LOCPATH:-}"

# client NAME runs one client in the lab's client namespace. Its view of the
# lab: $scheme $user $host $port $path $url, $ca (the lab's authority), $HOME.
client() {
	local hp=$host:$port plain="ftp://$host:$port$path"
	case $1 in
	curl) curl -sS -v --connect-timeout 10 -m 25 -u "$user:$password" "$url" ;;
	curl-noepsv) curl -sS -v --disable-epsv --no-ftp-skip-pasv-ip --connect-timeout 8 -m 20 -u "$user:$password" "$url" ;;
	curl-tls) curl -sS -v --ssl-reqd --cacert "$ca" --connect-timeout 10 -m 25 -u "$user:$password" "$plain" ;;
	curl-implicit) curl -sS -v --cacert "$ca" --connect-timeout 10 -m 25 -u "$user:$password" "ftps://$hp$path" ;;
	curl-active) curl -sS -v -P - --connect-timeout 10 -m 25 -u "$user:$password" "$plain" ;;
	curl-put) head -c 300000 /dev/zero >"$HOME/upload.bin"; curl -sS -v --connect-timeout 10 -m 25 -u "$user:$password" -T "$HOME/upload.bin" "$url" ;;
	curl-get) curl -sS -v --connect-timeout 10 -m 25 -o /dev/null -u "$user:$password" "$url" ;;
	curl-propfind) curl -sS -v --http1.1 --anyauth --cacert "$ca" --connect-timeout 10 -m 25 -u "$user:$password" -X PROPFIND -H 'Depth: 1' "$weburl" ;;
	curl-davput) head -c 3000000 /dev/zero >"$HOME/upload.bin"; curl -sS -v --http1.1 --anyauth -H 'Expect:' --cacert "$ca" --connect-timeout 10 -m 25 -u "$user:$password" -T "$HOME/upload.bin" "$weburl/report.bin" ;;
	lftp) lftp -d -u "$user,$password" -e "set net:timeout 10; set net:max-retries 1; set ssl:ca-file $ca; ls; bye" "$(lftpurl)" ;;
	lftp-zh) LANG=zh_CN.UTF-8 LC_ALL=zh_CN.UTF-8 LANGUAGE=zh_CN lftp -d -u "$user,$password" -e "set net:timeout 10; set net:max-retries 1; set ssl:ca-file $ca; ls; bye" "$(lftpurl)" ;;
	lftp-put) head -c 300000 /dev/zero >"$HOME/upload.bin"; lftp -d -u "$user,$password" -e "set net:timeout 10; set net:max-retries 1; set ssl:ca-file $ca; put $HOME/upload.bin; bye" "$(lftpurl)" ;;
	tnftp) printf 'user %s %s\nls\nbye\n' "$user" "$password" | timeout 40 tnftp -n -v -d "$host" "$port" ;;
	tnftp-active) printf 'user %s %s\nls\nbye\n' "$user" "$password" | timeout 40 tnftp -A -n -v -d "$host" "$port" ;;
	tnftp-put) head -c 30000 /dev/zero >"$HOME/a.bin"; cd "$HOME"; printf 'user %s %s\nput a.bin\nmkdir new\nbye\n' "$user" "$password" | timeout 40 tnftp -n -v -d "$host" "$port" ;;
	inetutils) printf 'user %s %s\nls\nbye\n' "$user" "$password" | timeout 40 inetutils-ftp -n -v -p "$host" "$port" ;;
	inetutils-zh) printf 'user %s %s\nls\nbye\n' "$user" "$password" | LC_ALL=zh_CN.UTF-8 timeout 40 inetutils-ftp -n -v -p "$host" "$port" ;;
	ncftp) timeout 40 ncftpls -d stdout -r 1 -t 10 -u "$user" -p "$password" "$plain" ;;
	ncftp-put) head -c 30000 /dev/zero >"$HOME/a.bin"; timeout 40 ncftpput -d stdout -r 1 -t 10 -u "$user" -p "$password" -P "$port" "$host" . "$HOME/a.bin" ;;
	ncftp-zh) LC_ALL=zh_CN.UTF-8 timeout 40 ncftpls -d stdout -r 1 -t 10 -u "$user" -p "$password" "$plain" ;;
	wget) wget -d -T 10 -t 1 -O /dev/null --ca-certificate="$ca" --user="$user" --password="$password" "${weburl:-$plain}" ;;
	wget-zh) LC_ALL=zh_CN.UTF-8 LANGUAGE=zh_CN wget -T 10 -t 1 -O /dev/null --ca-certificate="$ca" --user="$user" --password="$password" "${weburl:-$plain}" ;;
	ftplib) FTP_PASSWORD=$password timeout 40 /usr/bin/python3 -u -c "import ftplib,os
f=ftplib.FTP(); f.set_debuglevel(1); f.connect('$host',$port,timeout=10); f.login('$user',os.environ['FTP_PASSWORD']); f.dir()" ;;
	ftplib-tls) SSL_CERT_FILE=$ca FTP_PASSWORD=$password timeout 40 /usr/bin/python3 -u -c "import ftplib,os,ssl
f=ftplib.FTP_TLS(context=ssl.create_default_context()); f.set_debuglevel(1); f.connect('$host',$port,timeout=10); f.login('$user',os.environ['FTP_PASSWORD']); f.prot_p(); f.dir()" ;;
	ftplib-put) FTP_PASSWORD=$password timeout 40 /usr/bin/python3 -u -c "import ftplib,os,io
f=ftplib.FTP(); f.set_debuglevel(1); f.connect('$host',$port,timeout=10); f.login('$user',os.environ['FTP_PASSWORD']); f.storbinary('STOR report.bin',io.BytesIO(b'x'*300000))" ;;
	ftplib-zh) LC_ALL=zh_CN.UTF-8 FTP_PASSWORD=$password timeout 40 /usr/bin/python3 -u -c "import ftplib,os
f=ftplib.FTP(); f.connect('$host',$port,timeout=10); f.login('$user',os.environ['FTP_PASSWORD']); f.dir()" ;;
	basic-ftp) FTP_PASSWORD=$password NODE_EXTRA_CA_CERTS=$ca timeout 60 node -e "const f=new(require('basic-ftp').Client)(10000);f.ftp.verbose=true;f.access({host:'$host',port:$port,user:'$user',password:process.env.FTP_PASSWORD,secure:$secure}).then(()=>f.list()).catch(e=>console.log(e)).finally(()=>f.close())" ;;
	node-ftp) FTP_PASSWORD=$password timeout 60 node -e "const C=require('ftp'),c=new C();c.on('ready',()=>c.list((e,l)=>{console.log(e||l);c.end()}));c.on('error',e=>{console.error(e);c.destroy()});c.connect({host:'$host',port:$port,user:'$user',password:process.env.FTP_PASSWORD,debug:console.log,connTimeout:10000,pasvTimeout:10000})" ;;
	rclone-ftp) timeout 60 rclone lsd ":ftp,host=$host,port=$port,user=$user,pass=$(rclone obscure "$password"):" --low-level-retries 1 --retries 1 --contimeout 10s --timeout 15s -vv --config "$HOME/none" ;;
	rclone-sftp) timeout 60 rclone lsd ":sftp,host=$host,port=$port,user=$user,pass=$(rclone obscure "$password"):" --low-level-retries 1 --retries 1 --contimeout 10s --timeout 15s -vv --config "$HOME/none" ;;
	rclone-dav) SSL_CERT_FILE=$ca timeout 60 rclone lsd ":webdav,url='$weburl',user=$user,pass=$(rclone obscure "$password"):" --low-level-retries 1 --retries 1 --contimeout 10s --timeout 15s -vv --config "$HOME/none" ;;
	cadaver) printf 'machine %s login %s password %s\n' "$host" "$user" "$password" >"$HOME/.netrc"; printf 'y\nls\nquit\n' | timeout 40 cadaver -t "$weburl" ;;
	node-webdav) DAV_PASSWORD=$password NODE_EXTRA_CA_CERTS=$ca timeout 40 node --input-type=module -e "import {createRequire} from 'module';const r=createRequire(process.env.NODE_PATH+'/');const {createClient}=await import(r.resolve('webdav').replace(/\\.cjs\$/,'.js'));const c=createClient('$weburl',{username:'$user',password:process.env.DAV_PASSWORD});try{console.log(await c.getDirectoryContents('/'))}catch(e){console.error(e)}" ;;
	sftp) sshpass -p "$password" timeout 40 sftp -v $sshoptions -P "$port" "$user@$host" <<<"ls" ;;
	sftp-brief) sshpass -p "$password" timeout 40 sftp $sshoptions -P "$port" "$user@$host" <<<"ls" ;;
	sftp-batch) timeout 40 sftp -v $sshoptions -oBatchMode=yes -P "$port" "$user@$host" <<<"ls" ;;
	sftp-put) head -c 300000 /dev/zero >"$HOME/a.bin"; sshpass -p "$password" timeout 40 sftp $sshoptions -P "$port" "$user@$host" <<<"put $HOME/a.bin" ;;
	sftp-get) sshpass -p "$password" timeout 40 sftp $sshoptions -P "$port" "$user@$host" <<<"get ${path#/} $HOME/x" ;;
	scp) head -c 30000 /dev/zero >"$HOME/a.bin"; sshpass -p "$password" timeout 40 scp $sshoptions -P "$port" "$HOME/a.bin" "$user@$host:" ;;
	psftp) printf 'y\nls\nquit\n' | PUTTYDIR=$HOME/.putty timeout 40 psftp -v -P "$port" -l "$user" -pw "$password" "$host" ;;
	paramiko) SSH_PASSWORD=$password timeout 60 /usr/bin/python3 -u -c "import paramiko,os,logging
c=paramiko.SSHClient(); c.set_missing_host_key_policy(paramiko.AutoAddPolicy()); c.connect('$host',$port,'$user',os.environ['SSH_PASSWORD'],timeout=10,look_for_keys=False,allow_agent=False); s=c.open_sftp(); print(s.listdir())" ;;
	paramiko-put) SSH_PASSWORD=$password timeout 60 /usr/bin/python3 -u -c "import paramiko,os,io
c=paramiko.SSHClient(); c.set_missing_host_key_policy(paramiko.AutoAddPolicy()); c.connect('$host',$port,'$user',os.environ['SSH_PASSWORD'],timeout=10,look_for_keys=False,allow_agent=False); s=c.open_sftp(); s.putfo(io.BytesIO(b'x'*300000),'report.bin')" ;;
	ssh2) SSH_PASSWORD=$password timeout 40 node -e "const {Client}=require('ssh2');const c=new Client();c.on('ready',()=>c.sftp((e,s)=>{if(e){console.error(e);return c.end()}s.readdir('.',(e,l)=>{console.log(e||l.length+' entries');c.end()})})).on('error',e=>console.error(e)).connect({host:'$host',port:$port,username:'$user',password:process.env.SSH_PASSWORD,readyTimeout:10000})" ;;
	sftp-client) SSH_PASSWORD=$password timeout 40 node -e "const C=require('ssh2-sftp-client');const c=new C();c.connect({host:'$host',port:$port,username:'$user',password:process.env.SSH_PASSWORD,readyTimeout:10000}).then(()=>c.list('.')).then(l=>console.log(l.length+' entries')).catch(e=>console.error(e)).finally(()=>c.end())" ;;
	server-log) ;; # read below
	*) echo "no such client: $1" >&2; return 64 ;;
	esac
}

lftpurl() { case $scheme in ftpes) echo "ftp://$host:$port" ;; *) echo "$scheme://$host:$port" ;; esac; }

# split takes apart the URL that the lab prints.
split() {
	local rest=${url#*://}
	scheme=${url%%://*}
	user=lab
	case $rest in *@*) user=${rest%%@*} rest=${rest#*@} ;; esac
	path=/${rest#*/} hostport=${rest%%/*}
	host=${hostport%:*} port=
	case $hostport in *:*) port=${hostport##*:} ;; esac
	secure=false weburl=
	case $scheme in
	ftp) : "${port:=21}" ;;
	ftpes) : "${port:=21}"; secure=true ;;
	ftps) : "${port:=990}"; secure="'implicit'" ;;
	sftp) : "${port:=22}" ;;
	davs | https) : "${port:=443}"; weburl=https://$host:$port$path ;;
	dav | http) : "${port:=80}"; weburl=http://$host:$port$path ;;
	esac
	if [ "$scheme" = ftpes ]; then url=ftp://$host:$port$path; fi
}

record() {
	local scenario=$1 which=$2 accepts=$3 out name n
	name=${scenario//\//-}.$which
	out=$(mktemp)
	HOME=$ours "$fd" lab up "$scenario" >"$out" 2>&1 &
	local lab=$!
	for _ in $(seq 300); do
		grep -q '^Ctrl-C' "$out" && break
		kill -0 $lab 2>/dev/null || { echo "$name: $(cat "$out")"; return; }
		sleep 0.2
	done
	local ns
	ns=$(sed -n 's/.*netns exec \([a-z0-9]*-client\).*/\1/p' "$out")
	n=${ns//[^0-9]/}
	local args
	args=$(sed -n 's/^then: *ftpdoctor check //p' "$out")
	url=$(grep -oE '[a-z]+://[^ ]+' <<<"$args" | tail -1)
	split
	ca=/tmp/ftpdoctor-lab/$n/ca.pem HOME=$(mktemp -d)
	mkdir -m 700 "$HOME/.ssh"
	[ -d "/tmp/ftpdoctor-lab/$n/home" ] && cp -a "/tmp/ftpdoctor-lab/$n/home/." "$HOME/" 2>/dev/null
	sshoptions="-oStrictHostKeyChecking=accept-new -oUserKnownHostsFile=$HOME/.ssh/known_hosts -oConnectTimeout=10 -oNumberOfPasswordPrompts=1"
	local key file
	for file in "$HOME"/.ssh/id_*; do
		case $file in *.pub | *-cert* | *'*') ;; *) sshoptions="$sshoptions -oIdentityFile=$file" ;; esac
	done
	key=$(sed -n 's/.*--identity \([^ ]*\).*/\1/p' <<<"$args")
	case $key in
	"" | none) ;;
	*) sshoptions="$sshoptions -i ${key/\$HOME/$HOME}" ;;
	esac
	export HOME ca url scheme user host port path secure weburl sshoptions password
	export -f client lftpurl
	ip netns exec "$ns" bash -c "client $which" </dev/null >"$out.log" 2>&1
	kill -TERM $lab
	wait $lab
	{
		printf 'client: %s\nscenario: %s\naccepts: %s\ncause: %s\n\n' "$which" "$scenario" "$accepts" "$(head -1 "$out")"
		printf '$ %s %s\n' "${which%%-*}" "$url"
		tr -d '\r' <"$out.log" | grep -v '^[{}] \[' | head -c 12000 | sed -e "s/${password//./\\.}/********/g" -e "s#$HOME#/home/me#g" -e "s#$ca#/etc/ssl/lab-ca.pem#g" -e "s#$tools##g" -e "s#${NODE_PATH:-/nonexistent}#/home/me/node_modules#g" -e 's#/root/#/home/me/#g' -e 's/pass=[A-Za-z0-9_-]*/pass=********/g' -e 's/[[:space:]]*$//'
	} | iconv -c -f utf-8 -t utf-8 >"$here/lab/$name.txt"
	rm -rf "$out" "$out.log" "$HOME"
	printf '%s %s lines\n' "$name" "$(wc -l <"$here/lab/$name.txt")"
}

grep -v '^#' "$here/record.list" | grep -E "${1:-.}" | while read -r scenario which accepts; do
	[ -n "$scenario" ] && record "$scenario" "$which" "$accepts" </dev/null
done
