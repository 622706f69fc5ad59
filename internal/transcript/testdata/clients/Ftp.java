import org.apache.commons.net.ftp.*;
import org.apache.commons.net.*;
import java.io.*;
public class Ftp {
  public static void main(String[] a) throws Exception {
    String host=a[0]; int port=Integer.parseInt(a[1]); String user=a[2], mode=a[3];
    String pw=System.getenv("PW");
    FTPClient f = mode.equals("tls")? new FTPSClient(false) : mode.equals("implicit")? new FTPSClient(true) : new FTPClient();
    if (f instanceof FTPSClient) ((FTPSClient)f).setTrustManager(null);
    if (f instanceof FTPSClient) ((FTPSClient)f).setEndpointCheckingEnabled(true);
    f.addProtocolCommandListener(new PrintCommandListener(new PrintWriter(System.out,true), true));
    f.setConnectTimeout(8000); f.setDefaultTimeout(8000); f.setDataTimeout(java.time.Duration.ofSeconds(8));
    f.connect(host,port);
    if(!f.login(user,pw)) { System.out.println("login: " + f.getReplyString()); return; }
    if (f instanceof FTPSClient) { ((FTPSClient)f).execPBSZ(0); ((FTPSClient)f).execPROT("P"); }
    if (mode.equals("active")) f.enterLocalActiveMode(); else f.enterLocalPassiveMode();
    if (mode.equals("put")) { f.setFileType(FTP.BINARY_FILE_TYPE); boolean ok=f.storeFile("report.bin", new ByteArrayInputStream(new byte[300000])); System.out.println("storeFile: "+ok+" "+f.getReplyString()); }
    else { FTPFile[] l=f.listFiles(); System.out.println(l.length+" files"); }
    f.logout();
  }
}
