#!/bin/bash
# Records what real clients print against the fault lab: one file per line of
# record.list, in lab/. Needs Linux, root, the program (FTPDOCTOR, default
# ./ftpdoctor) and the clients; a client that is not there is skipped.
#
#   record.sh [PATTERN]     only the lines that match
#
# TOOLS names a directory with clients that are not installed (as dpkg -x leaves
# them) and the one with the Node modules. Nothing but the lab's password is
# taken out of what a client printed. LIST and INTO name another list and another
# directory than record.list and lab. clients/ has the sources of what libraries of
# Java and Go are called by (JAVA_CLIENTS: their class path; go-jl, go-psf and go-gd
# are looked for in TOOLS).
set -u
here=$(cd "$(dirname "$0")" && pwd)
fd=${FTPDOCTOR:-./ftpdoctor}
tools=${TOOLS:-/nonexistent}
ours=$HOME
list=${LIST:-record.list} into=${INTO:-lab}
# php with the modules beside it.
php="php8.2 -n -d extension_dir=$tools/usr/lib/php/20220829 -d extension=ftp -d extension=curl -d extension=ssh2 -d allow_url_fopen=1"
JAVA_CLIENTS=${JAVA_CLIENTS:-}
password='Lab-pw.7Qz2x'
export PATH="$tools/usr/bin:$PATH" PYTHONPATH="$tools/usr/lib/python3/dist-packages" PERL5LIB="$tools/usr/share/perl5:$tools/usr/lib/x86_64-linux-gnu/perl5/5.36" NODE_PATH="${NODE_MODULES:-}"
export php JAVA_CLIENTS GFTP_SHARE_DIR="$tools/usr/share/gftp"
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
	java | java-tls | java-implicit | java-active | java-put) keytool -importcert -noprompt -file "$ca" -keystore "$HOME/trust" -storepass changeit >/dev/null 2>&1; PW=$password timeout 60 java -cp "$JAVA_CLIENTS" -Djavax.net.ssl.trustStore="$HOME/trust" -Djavax.net.ssl.trustStorePassword=changeit Ftp "$host" "$port" "$user" "$(sed 's/java-*//' <<<"$1" | sed 's/^$/plain/')" ;;
	java-zh) LC_ALL=zh_CN.UTF-8 timeout 60 env PW="$password" java -Duser.language=zh -Duser.country=CN -cp "$JAVA_CLIENTS" Ftp "$host" "$port" "$user" plain ;;
	jsch) timeout 60 env PW="$password" java -cp "$JAVA_CLIENTS" Sftp "$host" "$port" "$user" v ;;
	jsch-brief) timeout 60 env PW="$password" java -cp "$JAVA_CLIENTS" Sftp "$host" "$port" "$user" q ;;
	jsch-put) timeout 60 env PW="$password" java -cp "$JAVA_CLIENTS" Sftp "$host" "$port" "$user" put ;;
	jsch-key) timeout 60 java -cp "$JAVA_CLIENTS" Sftp "$host" "$port" "$user" v "$identity" ;;
	go-ftp) PW=$password timeout 60 go-jl "$host:$port" "$user" plain ;;
	go-ftp-quiet) PW=$password timeout 60 go-jl "$host:$port" "$user" quiet ;;
	go-ftp-tls) CA=$ca PW=$password timeout 60 go-jl "$host:$port" "$user" tls ;;
	go-ftp-put) PW=$password timeout 60 go-jl "$host:$port" "$user" put ;;
	go-sftp) PW=$password timeout 60 go-psf "$host:$port" "$user" list ;;
	go-sftp-put) PW=$password timeout 60 go-psf "$host:$port" "$user" put ;;
	go-sftp-get) PW=$password timeout 60 go-psf "$host:$port" "$user" get "${path#/}" ;;
	go-dav) SSL_CERT_FILE=$ca PW=$password timeout 60 go-gd "$weburl" "$user" list ;;
	go-dav-put) SSL_CERT_FILE=$ca PW=$password timeout 60 go-gd "$weburl" "$user" put ;;
	perl) PW=$password timeout 60 perl -MNet::FTP -e '$f=Net::FTP->new($ARGV[0],Port=>$ARGV[1],Timeout=>10,Debug=>1,Passive=>1) or die "Cannot connect to $ARGV[0]: $@\n"; $f->login($ARGV[2],$ENV{PW}) or die "Cannot login ",$f->message; $l=$f->dir or die "dir failed ",$f->message; print scalar(@$l)," entries\n"; $f->quit' "$host" "$port" "$user" ;;
	perl-active) PW=$password timeout 60 perl -MNet::FTP -e '$f=Net::FTP->new($ARGV[0],Port=>$ARGV[1],Timeout=>10,Debug=>1,Passive=>0) or die "Cannot connect to $ARGV[0]: $@\n"; $f->login($ARGV[2],$ENV{PW}) or die "Cannot login ",$f->message; $l=$f->dir or die "dir failed ",$f->message; print scalar(@$l)," entries\n"; $f->quit' "$host" "$port" "$user" ;;
	perl-brief) PW=$password timeout 60 perl -MNet::FTP -e '$f=Net::FTP->new($ARGV[0],Port=>$ARGV[1],Timeout=>10,Passive=>1) or die "Cannot connect to $ARGV[0]: $@\n"; $f->login($ARGV[2],$ENV{PW}) or die "Cannot login ",$f->message; $l=$f->dir or die "dir failed ",$f->message; print scalar(@$l)," entries\n"; $f->quit' "$host" "$port" "$user" ;;
	perl-put) head -c 300000 /dev/zero >"$HOME/a.bin"; PW=$password timeout 60 perl -MNet::FTP -e '$f=Net::FTP->new($ARGV[0],Port=>$ARGV[1],Timeout=>10,Passive=>1,Debug=>1) or die "Cannot connect to $ARGV[0]: $@\n"; $f->login($ARGV[2],$ENV{PW}) or die "Cannot login ",$f->message; $f->binary; $f->put($ARGV[3],"report.bin") or die "put failed ",$f->message' "$host" "$port" "$user" "$HOME/a.bin" ;;
	perl-zh) LC_ALL=zh_CN.UTF-8 PW=$password timeout 60 perl -MNet::FTP -e '$f=Net::FTP->new($ARGV[0],Port=>$ARGV[1],Timeout=>10,Passive=>1) or die "Cannot connect to $ARGV[0]: $@ ($!)\n"; $f->login($ARGV[2],$ENV{PW}) or die "Cannot login ",$f->message; $l=$f->dir or die "dir failed ",$f->message," $!\n"; print scalar(@$l)," entries\n"' "$host" "$port" "$user" ;;
	perl-sftp) timeout 60 sshpass -p "$password" perl -MNet::SFTP::Foreign -e '$s=Net::SFTP::Foreign->new(host=>$ARGV[0],port=>$ARGV[1],user=>$ARGV[2],timeout=>10,more=>[qw(-oStrictHostKeyChecking=accept-new -oNumberOfPasswordPrompts=1)]); $s->die_on_error("Unable to establish SFTP connection"); $l=$s->ls(".") or die "ls: ".$s->error; print scalar(@$l)," entries\n"' "$host" "$port" "$user" ;;
	perl-dav) dave -u "$user" -p "$password" "$weburl" <<<"ls" ;;
	php) PW=$password timeout 60 $php -r '$c=ftp_connect($argv[1],(int)$argv[2],10); if(!$c) exit("connect failed\n"); var_dump(@ftp_login($c,$argv[3],getenv("PW"))?:error_get_last()["message"]); ftp_pasv($c,true); $l=ftp_nlist($c,"."); var_dump($l===false?$l:count($l));' "$host" "$port" "$user" ;;
	php-warn) PW=$password timeout 60 $php -r '$c=ftp_connect($argv[1],(int)$argv[2],10) or die("Could not connect to $argv[1]\n"); ftp_login($c,$argv[3],getenv("PW")); ftp_pasv($c,true); var_dump(count(ftp_nlist($c,".")?:[]));' "$host" "$port" "$user" ;;
	php-tls) PW=$password timeout 60 $php -r '$c=ftp_ssl_connect($argv[1],(int)$argv[2],10) or die("Could not connect to $argv[1]\n"); ftp_login($c,$argv[3],getenv("PW")); ftp_pasv($c,true); var_dump(ftp_raw($c,"PBSZ 0"),ftp_nlist($c,".")!==false);' "$host" "$port" "$user" ;;
	php-active) PW=$password timeout 60 $php -r '$c=ftp_connect($argv[1],(int)$argv[2],10); ftp_login($c,$argv[3],getenv("PW")); var_dump(ftp_nlist($c,".")!==false);' "$host" "$port" "$user" ;;
	php-put) PW=$password timeout 60 $php -r '$c=ftp_connect($argv[1],(int)$argv[2],10); ftp_login($c,$argv[3],getenv("PW")); ftp_pasv($c,true); file_put_contents("/tmp/php-report.bin",str_repeat("x",300000)); var_dump(ftp_put($c,"report.bin","/tmp/php-report.bin",FTP_BINARY));' "$host" "$port" "$user" ;;
	php-stream) timeout 60 $php -d default_socket_timeout=10 -r 'var_dump(strlen(file_get_contents($argv[1])));' "ftp://$user:$password@$host:$port${path%/}/hello.txt" ;;
	php-ssh2) PW=$password timeout 60 $php -r '$c=ssh2_connect($argv[1],(int)$argv[2]); if(!$c) exit("Unable to connect\n"); ssh2_auth_password($c,$argv[3],getenv("PW")); $s=ssh2_sftp($c); $h=opendir("ssh2.sftp://".intval($s)."/."); var_dump($h!==false);' "$host" "$port" "$user" ;;
	php-curl) PW=$password timeout 60 $php -r '$c=curl_init($argv[1]); curl_setopt($c,CURLOPT_USERPWD,$argv[2].":".getenv("PW")); curl_setopt($c,CURLOPT_CONNECTTIMEOUT,8); curl_setopt($c,CURLOPT_TIMEOUT,15); curl_setopt($c,CURLOPT_RETURNTRANSFER,1); $r=curl_exec($c); echo "errno=",curl_errno($c)," error=",curl_error($c),"\n";' "$url" "$user" ;;
	pycurl) PW=$password timeout 60 /usr/bin/python3 -c "import pycurl,io,os
c=pycurl.Curl(); c.setopt(c.URL,'$url'); c.setopt(c.USERPWD,'$user:'+os.environ['PW']); c.setopt(c.CONNECTTIMEOUT,8); c.setopt(c.TIMEOUT,15); b=io.BytesIO(); c.setopt(c.WRITEDATA,b); c.perform(); print(len(b.getvalue()))" ;;
	pycurl-tls) PW=$password timeout 60 /usr/bin/python3 -c "import pycurl,io,os
c=pycurl.Curl(); c.setopt(c.URL,'ftp://$host:$port$path'); c.setopt(c.USERPWD,'$user:'+os.environ['PW']); c.setopt(c.USE_SSL,c.USESSL_ALL); c.setopt(c.CAINFO,'$ca'); c.setopt(c.CONNECTTIMEOUT,8); c.setopt(c.TIMEOUT,15); b=io.BytesIO(); c.setopt(c.WRITEDATA,b); c.perform(); print(len(b.getvalue()))" ;;
	aioftp) PW=$password timeout 60 /usr/bin/python3 -c "import asyncio,aioftp,os,logging
logging.basicConfig(level=logging.INFO)
async def f():
    async with aioftp.Client.context('$host',$port,'$user',os.environ['PW'],socket_timeout=10) as c: print(len(await c.list()))
asyncio.run(f())" ;;
	ftputil) PW=$password timeout 60 /usr/bin/python3 -c "import ftputil,os,socket
socket.setdefaulttimeout(10)
with ftputil.FTPHost('$host','$user',os.environ['PW']) as h: print(h.listdir('.'))" ;;
	asyncssh) PW=$password timeout 60 /usr/bin/python3 -c "import asyncio,asyncssh,os,logging
logging.basicConfig(level=logging.INFO)
async def f():
    async with asyncssh.connect('$host',$port,username='$user',password=os.environ['PW'],known_hosts=None,connect_timeout=10,client_keys=None) as c:
        async with c.start_sftp_client() as s: print(len(await s.listdir('.')))
asyncio.run(f())" ;;
	paramiko-log) PW=$password timeout 60 /usr/bin/python3 -u -c "import paramiko,os,logging
logging.basicConfig(level=logging.DEBUG)
c=paramiko.SSHClient(); c.set_missing_host_key_policy(paramiko.AutoAddPolicy()); c.connect('$host',$port,'$user',os.environ['PW'],timeout=10,look_for_keys=False,allow_agent=False); s=c.open_sftp(); print(s.listdir())" ;;
	yafc) PW=$password timeout 40 yafc "ftp://$user:$password@$host:$port" <<<$'ls\nquit' ;;
	yafc-zh) LC_ALL=zh_CN.UTF-8 timeout 40 yafc "ftp://$user:$password@$host:$port" <<<$'ls\nquit' ;;
	gftp) timeout 40 gftp-text "ftp://$user:$password@$host:$port" <<<$'ls\nquit' ;;
	gftp-zh) LC_ALL=zh_CN.UTF-8 LANGUAGE=zh_CN timeout 40 gftp-text "ftp://$user:$password@$host:$port" <<<$'ls\nquit' ;;
	netkit) printf 'user %s %s\nls\nbye\n' "$user" "$password" | timeout 40 ftp-ssl -n -v -p "$host" "$port" ;;
	netkit-tls) printf 'user %s %s\nls\nbye\n' "$user" "$password" | timeout 40 ftp-ssl -n -v -p -z secure -z verify=1 -z cacert="$ca" "$host" "$port" ;;
	netkit-active) printf 'user %s %s\nls\nbye\n' "$user" "$password" | timeout 40 ftp-ssl -n -v "$host" "$port" ;;
	netkit-put) head -c 30000 /dev/zero >"$HOME/a.bin"; cd "$HOME"; printf 'user %s %s\nbinary\nput a.bin\nbye\n' "$user" "$password" | timeout 40 ftp-ssl -n -v -p "$host" "$port" ;;
	aria2) timeout 40 aria2c --ftp-user="$user" --ftp-passwd="$password" --http-user="$user" --http-passwd="$password" --ca-certificate="$ca" --connect-timeout=8 --timeout=8 -m 1 --summary-interval=0 -d "$HOME" "${weburl:-$plain}hello.txt" ;;
	aria2-zh) LC_ALL=zh_CN.UTF-8 LANGUAGE=zh_CN timeout 40 aria2c --ftp-user="$user" --ftp-passwd="$password" --http-user="$user" --http-passwd="$password" --ca-certificate="$ca" --connect-timeout=8 --timeout=8 -m 1 --summary-interval=0 -d "$HOME" "${weburl:-$plain}hello.txt" ;;
	axel) cd "$HOME"; timeout 40 axel -T 8 -v -n 1 "ftp://$user:$password@$host:$port${path%/}/hello.txt" ;;
	curl-zh) LC_ALL=zh_CN.UTF-8 curl -sS --connect-timeout 8 -m 20 -u "$user:$password" "$url" ;;
	curl-brief) curl -sS --connect-timeout 8 -m 20 -u "$user:$password" "$url" ;;
	curl-sftp) curl -sS -v --insecure --connect-timeout 8 -m 20 -u "$user:$password" "sftp://$host:$port${path:-/}" ;;
	curl-tls-brief) curl -sS --ssl-reqd --cacert "$ca" --connect-timeout 8 -m 20 -u "$user:$password" "$plain" ;;
	curl-web) curl -sS -v --anyauth --cacert "$ca" --connect-timeout 8 -m 20 -u "$user:$password" "$weburl" ;;
	curl-delete) curl -sS -v --http1.1 --anyauth --cacert "$ca" --connect-timeout 8 -m 20 -u "$user:$password" -X DELETE "${weburl%/}/hello.txt" ;;
	curl-move) curl -sS -v --http1.1 --anyauth --cacert "$ca" --connect-timeout 8 -m 20 -u "$user:$password" -X MOVE -H "Destination: ${weburl%/}/moved.txt" "${weburl%/}/hello.txt" ;;
	lftp-get) lftp -d -u "$user,$password" -e "set net:timeout 10; set net:max-retries 1; set ssl:ca-file $ca; get -O $HOME ${path#/}; bye" "$(lftpurl)" ;;
	lftp-brief) lftp -u "$user,$password" -e "set net:timeout 10; set net:max-retries 1; set ssl:ca-file $ca; ls; bye" "$(lftpurl)" ;;
	lftp-brief-zh) LC_ALL=zh_CN.UTF-8 LANGUAGE=zh_CN lftp -u "$user,$password" -e "set net:timeout 10; set net:max-retries 1; set ssl:ca-file $ca; ls; bye" "$(lftpurl)" ;;
	lftp-put-zh) head -c 300000 /dev/zero >"$HOME/upload.bin"; LC_ALL=zh_CN.UTF-8 LANGUAGE=zh_CN lftp -u "$user,$password" -e "set net:timeout 10; set net:max-retries 1; put $HOME/upload.bin; bye" "$(lftpurl)" ;;
	lftp-sftp) lftp -d -u "$user,$password" -e "set net:timeout 10; set net:max-retries 1; set sftp:auto-confirm yes; set sftp:connect-program 'ssh -a -x $sshoptions'; ls; bye" "sftp://$host:$port" ;;
	tnftp-get) cd "$HOME"; printf 'user %s %s\nget %s\nbye\n' "$user" "$password" "${path#/}" | timeout 40 tnftp -n -v "$host" "$port" ;;
	wget-quiet) wget -T 10 -t 1 -O /dev/null --ca-certificate="$ca" --user="$user" --password="$password" "${weburl:-$plain}" ;;
	pscp) head -c 30000 /dev/zero >"$HOME/a.bin"; echo y | PUTTYDIR=$HOME/.putty timeout 40 pscp -sftp -P "$port" -l "$user" -pw "$password" "$HOME/a.bin" "$host:a.bin" ;;
	psftp-brief) printf 'y\nls\nquit\n' | PUTTYDIR=$HOME/.putty timeout 40 psftp -P "$port" -l "$user" -pw "$password" "$host" ;;
	plink) echo y | PUTTYDIR=$HOME/.putty timeout 40 plink -v -P "$port" -l "$user" -pw "$password" -s "$host" sftp ;;
	dbclient) DROPBEAR_PASSWORD=$password timeout 40 dbclient -y -p "$port" -s "$user@$host" sftp ;;
	sftp-vvv) sshpass -p "$password" timeout 40 sftp -vvv $sshoptions -P "$port" "$user@$host" <<<"ls" ;;
	scp-old) head -c 30000 /dev/zero >"$HOME/a.bin"; sshpass -p "$password" timeout 40 scp -O $sshoptions -P "$port" "$HOME/a.bin" "$user@$host:" ;;
	ssh2-key) timeout 40 node -e "const {Client}=require('ssh2');const c=new Client();c.on('ready',()=>c.end()).on('error',e=>console.error(e)).connect({host:'$host',port:$port,username:'$user',privateKey:require('fs').readFileSync('$identity'),readyTimeout:10000})" ;;
	paramiko-key) timeout 60 /usr/bin/python3 -u -c "import paramiko
c=paramiko.SSHClient(); c.set_missing_host_key_policy(paramiko.AutoAddPolicy()); c.connect('$host',$port,'$user',key_filename='$identity',timeout=10,look_for_keys=False,allow_agent=False)" ;;
	basic-ftp-put) FTP_PASSWORD=$password NODE_EXTRA_CA_CERTS=$ca timeout 60 node -e "const f=new(require('basic-ftp').Client)(10000);f.ftp.verbose=true;f.access({host:'$host',port:$port,user:'$user',password:process.env.FTP_PASSWORD,secure:$secure}).then(()=>f.uploadFrom(require('stream').Readable.from([Buffer.alloc(300000)]),'report.bin')).catch(e=>console.log(e)).finally(()=>f.close())" ;;
	node-ftp-put) FTP_PASSWORD=$password timeout 60 node -e "const C=require('ftp'),c=new C();c.on('ready',()=>c.put(Buffer.alloc(300000),'report.bin',e=>{console.log(e);c.end()}));c.on('error',e=>{console.error(e);c.destroy()});c.connect({host:'$host',port:$port,user:'$user',password:process.env.FTP_PASSWORD,connTimeout:10000,pasvTimeout:10000})" ;;
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
	identity=${sshoptions##*-i }
	case $sshoptions in *" -i "*) ;; *) identity=$(ls "$HOME"/.ssh/id_* 2>/dev/null | grep -v '\.pub$' | head -1) ;; esac
	export identity HOME ca url scheme user host port path secure weburl sshoptions password
	export -f client lftpurl
	ip netns exec "$ns" bash -c "client $which" </dev/null >"$out.log" 2>&1
	kill -TERM $lab
	wait $lab
	{
		printf 'client: %s\nscenario: %s\naccepts: %s\ncause: %s\n\n' "$which" "$scenario" "$accepts" "$(head -1 "$out")"
		printf '$ %s %s\n' "${which%%-*}" "$url"
		tr -d '\r' <"$out.log" | grep -v '^[{}] \[' | head -c 12000 | sed -e "s/${password//./\\.}/********/g" -e "s#$HOME#/home/me#g" -e "s#$ca#/etc/ssl/lab-ca.pem#g" -e "s#$tools##g" -e "s#${NODE_PATH:-/nonexistent}#/home/me/node_modules#g" -e 's#/root/#/home/me/#g' -e 's/pass=[A-Za-z0-9_-]*/pass=********/g' -e 's/[[:space:]]*$//'
	} | iconv -c -f utf-8 -t utf-8 >"$here/$into/$name.txt"
	rm -rf "$out" "$out.log" "$HOME"
	printf '%s %s lines\n' "$name" "$(wc -l <"$here/$into/$name.txt")"
}

grep -v '^#' "$here/$list" | grep -E "${1:-.}" | while read -r scenario which accepts; do
	[ -n "$scenario" ] && record "$scenario" "$which" "$accepts" </dev/null
done
