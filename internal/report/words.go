package report

import (
	"fmt"

	"ftpdoctor/internal/finding"
)

// pair is one of this package's own wordings in both languages, with the same
// formatting verbs in the same order.
type pair struct{ en, zh string }

func (p pair) in(lang finding.Lang) string {
	if lang == finding.Chinese {
		return p.zh
	}
	return p.en
}

// words are all of this package's own words; what is said about a cause stands
// on its page.
var words = map[string]pair{
	"status:ok":       {"OK", "正常"},
	"status:degraded": {"DEGRADED", "有隐患"},
	"status:failed":   {"FAILED", "故障"},
	"status:unknown":  {"UNKNOWN", "未能判定"},

	"outcome:passed":     {"passed", "通过"},
	"outcome:found":      {"found", "有发现"},
	"outcome:skipped":    {"skipped", "跳过"},
	"outcome:incomplete": {"incomplete", "未完成"},

	"severity:info":     {"info", "信息"},
	"severity:notice":   {"notice", "注意"},
	"severity:warning":  {"warning", "警告"},
	"severity:error":    {"error", "错误"},
	"severity:critical": {"critical", "严重"},

	"confidence:confirmed":      {"confirmed", "已确认"},
	"confidence:likely":         {"likely", "很可能"},
	"confidence:possible":       {"possible", "有可能"},
	"confidence-long:confirmed": {"Confirmed: an experiment excluded the look-alikes.", "已确认：对照实验排除了其他相似原因。"},
	"confidence-long:likely":    {"Likely: the evidence points here; a look-alike was not excluded.", "很可能：证据指向这里，但还有相似原因未能排除。"},
	"confidence-long:possible":  {"Possible: one of several causes that fit what was seen.", "有可能：符合现象的原因不止一个，这是其中之一。"},

	"layer:client":      {"client", "客户端"},
	"layer:dns":         {"name", "域名"},
	"layer:route":       {"route", "路由"},
	"layer:net":         {"network", "网络"},
	"layer:service":     {"service", "服务"},
	"layer:tls":         {"TLS", "TLS"},
	"layer:ssh":         {"SSH", "SSH"},
	"layer:http":        {"HTTP", "HTTP"},
	"layer:auth":        {"login", "登录"},
	"layer:data":        {"data channel", "数据通道"},
	"layer:file":        {"files", "文件"},
	"layer:host":        {"host", "主机"},
	"layer:config":      {"configuration", "配置"},
	"layer:security":    {"security", "安全"},
	"layer:performance": {"performance", "性能"},

	"check:tls-depth": {"TLS variants", "TLS 细查"},
	"check:host-key":  {"host key", "主机密钥"},
	"check:proxy":     {"proxy", "代理"},
	"check:services":  {"usual ports", "常用端口"},

	"check:host-services":      {"services", "服务进程"},
	"check:host-sockets":       {"sockets", "监听端口"},
	"check:host-firewall":      {"firewall", "防火墙"},
	"check:host-configuration": {"configuration", "配置"},
	"check:host-certificates":  {"certificates", "证书"},
	"check:host-account":       {"account", "账号"},
	"check:host-access":        {"access lists", "访问控制"},
	"check:host-resources":     {"resources", "资源"},
	"check:host-denials":       {"denials", "安全模块"},
	"check:host-clock":         {"clock", "时钟"},
	"check:host-login":         {"way in", "登录主机"},

	"side:client": {"seen from the client", "客户端所见"},
	"side:host":   {"on the server's machine", "服务器主机上"},

	"who:client":    {"whoever runs the client", "客户端使用方"},
	"who:network":   {"whoever runs the network in between", "中间网络的管理员"},
	"who:server":    {"the server's administrator", "服务器管理员"},
	"where:client":  {"On the client", "客户端"},
	"where:network": {"In the network", "中间网络"},
	"where:server":  {"On the server", "服务器"},

	"root-cause":     {"Root cause", "根本原因"},
	"likely-cause":   {"Likely root cause", "很可能的根本原因"},
	"possible-cause": {"Possible root cause", "可能的根本原因"},
	"evidence":       {"Evidence", "证据"},
	"consequences":   {"Because of this", "由此引起"},
	"candidates":     {"These causes fit as well", "同样符合现象的原因"},
	"decide":         {"What decides: %s", "判别方法：%s"},
	"ruled-out":      {"Ruled out", "已排除"},
	"also-found":     {"Also found", "其他发现"},
	"findings":       {"Findings", "诊断发现"},
	"nothing-found":  {"Nothing found that needs attention.", "没有发现需要关注的问题。"},
	"fix":            {"Fix", "修复"},
	"facts":          {"Facts", "概况"},
	"path":           {"Path", "路径"},
	"commands-run":   {"Commands run on the machine", "在主机上执行的命令"},

	"title":         {"%s in %s", "%s，用时 %s"},
	"from":          {"from %s, %s", "检测点 %s，%s"},
	"from-text":     {"judged from the text", "根据文本判断"},
	"from-here":     {"from here, %s", "检测点本机，%s"},
	"vantage":       {"client", "客户端"},
	"server":        {"server", "服务器"},
	"must-act":      {"Who must act: %s.", "需要处理的一方：%s。"},
	"may-act":       {"Who must act: %s. Can help: %s.", "需要处理的一方：%s。也可配合处理：%s。"},
	"and":           {" and ", "、"},
	"severity-code": {"%s · %s", "%s · %s"},
	"because":       {"because of: %s", "原因：%s"},
	"consequence":   {"consequence: %s", "连带现象：%s"},
	"folded":        {"because of %s", "由 %s 引起"},
	"more-evidence": {"and %d more (-v shows all)", "另有 %d 条（-v 显示全部）"},
	"more-findings": {"%d more for information only (-v shows all)", "另有 %d 条仅供参考（-v 显示全部）"},
	"shortened":     {" … (shortened)", "……（已截短）"},
	"for-systems":   {"Commands for %s:", "%s 的命令："},
	"verify":        {"Then check:", "然后验证："},

	"services":         {"Services", "服务"},
	"preferred":        {"Take %s: %s.", "建议使用 %s：%s。"},
	"no-webdav":        {"web, no WebDAV", "网站，无 WebDAV"},
	"because-of:sftp":  {"it is encrypted, its host key proves the server, and one connection is all that firewalls must let through", "全程加密，主机密钥可证明服务器身份，且防火墙只需放行一条连接"},
	"because-of:davs":  {"it is encrypted, a certificate proves the server, and one port is all that firewalls must let through", "全程加密，证书可证明服务器身份，且防火墙只需放行一个端口"},
	"because-of:ftpes": {"it is encrypted, and a certificate proves the server", "全程加密，证书可证明服务器身份"},
	"because-of:ftps":  {"it is encrypted, and a certificate proves the server", "全程加密，证书可证明服务器身份"},
	"because-of:dav":   {"nothing better works here, but whatever crosses can be read on the way", "这里没有更好的可用服务，但途中可读取全部内容"},
	"because-of:ftp":   {"nothing better works here, but whatever crosses can be read on the way", "这里没有更好的可用服务，但途中可读取全部内容"},

	"no-fault":      {"No fault found.", "未发现故障。"},
	"undetermined":  {"The check could not finish looking, so the state is not known.", "检查未能完成，状态无法判定。"},
	"unfinished":    {"Not finished", "未完成的检查"},
	"advice":        {"It works; %d thing(s) will break or are unsafe.", "目前可用；有 %d 处隐患或不安全之处。"},
	"not-available": {"Not looked at: %s", "未能查看：%s"},

	"fact:addresses": {"addresses", "地址"},
	"fact:software":  {"software", "软件"},
	"fact:system":    {"system", "系统"},
	"fact:tls":       {"TLS", "TLS"},
	"fact:ssh":       {"SSH", "SSH"},
	"fact:features":  {"features", "特性"},
	"fact:data":      {"data", "数据通道"},
	"fact:timings":   {"times", "用时"},

	// What a key of the facts means; without a verb: said when it is true.
	"key:works":         {"%s work", "%s 可用"},
	"key:cert_days":     {"certificate valid for %s days", "证书还有 %s 天到期"},
	"key:post_quantum":  {"post-quantum key exchange", "后量子密钥交换"},
	"key:tls_resumed":   {"TLS session resumed", "TLS 会话已恢复"},
	"key:passive_ports": {"passive ports seen: %s", "见到的被动端口：%s"},

	"next":           {"Next: %s", "下一步：%s"},
	"next:fixed":     {"fix the cause, then run", "修复后再次运行"},
	"next:decide":    {"make the deciding experiment, then run", "先做上面的判别实验，再运行"},
	"next:unknown":   {"give it more time", "给它更多时间再试"},
	"next:explain":   {"read more", "查看详情"},
	"next:live":      {"a check of the server itself:", "直接检查服务器本身："},
	"next:nothing":   {"nothing to do.", "无需处理。"},
	"column:target":  {"Target", "目标"},
	"column:status":  {"Status", "状态"},
	"column:cause":   {"Root cause", "根本原因"},
	"column:time":    {"Time", "用时"},
	"column:check":   {"Check", "检查"},
	"column:outcome": {"Outcome", "结果"},
	"column:note":    {"Note", "说明"},
	"summary":        {"%d targets: %s", "%d 个目标：%s"},
	"md:checked":     {"Checked", "检查时间"},
	"md:vantage":     {"From", "检测点"},
	"md:status":      {"Status", "状态"},
	"md:code":        {"Code", "代码"},
	"md:severity":    {"Severity", "级别"},
	"md:confidence":  {"Confidence", "可信度"},
	"md:took":        {"%s, took %s", "%s，用时 %s"},
	"md:act":         {"Who must act", "需要处理的一方"},
	"md:may":         {"Can help", "也可配合处理"},
	"colon":          {": ", "："},
	"list-comma":     {", ", "、"},
	"semicolon":      {"; ", "；"},
	"parenthesis":    {" (%s)", "（%s）"},
	"nagios:in":      {"%s (%s)", "%s（%s）"},
	"nagios:ok":      {"no fault found in %s", "未发现故障，用时 %s"},
}

// say gives an own wording in the reader's language, filled with args.
func (o Options) say(key string, args ...any) string {
	p, ok := words[key]
	if !ok {
		return key
	}
	s := o.ascii(p.in(o.Lang))
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}

// word names a value of a closed set (an outcome, a layer, a status …); a value
// from outside of the set names itself.
func (o Options) word(set, value string) string {
	if p, ok := words[set+":"+value]; ok {
		return o.ascii(p.in(o.Lang))
	}
	return value
}
