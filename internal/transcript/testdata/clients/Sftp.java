import com.jcraft.jsch.*;
public class Sftp {
  public static void main(String[] a) throws Exception {
    if (a[3].contains("v")) JSch.setLogger(new Logger(){ public boolean isEnabled(int l){return true;} public void log(int l,String m){System.err.println((l==0?"DEBUG":l==1?"INFO":l==2?"WARN":"ERROR")+": "+m);} });
    JSch j=new JSch(); if (a.length>4) j.addIdentity(a[4]); if (a.length>5) j.setKnownHosts(a[5]);
    Session s=j.getSession(a[2],a[0],Integer.parseInt(a[1])); 
    if (a.length<=4) s.setPassword(System.getenv("PW")); 
    if (a.length<=5) s.setConfig("StrictHostKeyChecking","no"); s.connect(8000);
    ChannelSftp c=(ChannelSftp)s.openChannel("sftp"); c.connect(8000);
    if (a[3].contains("put")) c.put(new java.io.ByteArrayInputStream(new byte[300000]),"report.bin");
    else System.out.println(c.ls(".").size()+" entries"); s.disconnect();
  }
}
