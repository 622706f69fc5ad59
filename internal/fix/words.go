package fix

import (
	"fmt"

	"ftpdoctor/internal/finding"
)

// phrases are the words of plans, by their English ones.
var phrases = map[string]string{}

// why is a phrase in both languages.
func why(en, zh string) string {
	phrases[en] = zh
	return en
}

// Phrase says a phrase of a plan in a language.
func Phrase(en string, lang finding.Lang) string {
	if zh := phrases[en]; lang == finding.Chinese && zh != "" {
		return zh
	}
	return en
}

// RecipeError says why a recipe does not apply.
type RecipeError struct {
	phrase string
	args   []any
}

func (e *RecipeError) Error() string { return fmt.Sprintf(e.phrase, e.args...) }

// In says it in a language.
func (e *RecipeError) In(lang finding.Lang) string {
	return fmt.Sprintf(Phrase(e.phrase, lang), e.args...)
}

func refuse(phrase string, args ...any) error { return &RecipeError{phrase, args} }

var (
	whyAfterStart                         = why("so that it holds after the next start of the machine too", "使其在机器下次启动后仍然有效")
	whyKeepRule                           = why("the rule is gone after the next start; put it where this machine keeps its firewall", "下次启动后该规则会消失；请把它写入这台机器保存防火墙规则的地方")
	whyShellThatIsThere                   = why("give the account a shell that is there", "给该账号一个存在的 shell")
	whyUnban                              = why("lift the ban of this one address", "解除对这一个地址的封禁")
	whyNoJail                             = why("fail2ban does not say which of its jails banned the address", "fail2ban 没有说明是哪个 jail 封禁了该地址")
	whyUnlock                             = why("whether the account is to be used again is for a person to say", "该账号是否恢复使用，应由人来决定")
	whyNewPassword                        = why("the password is its owner's to choose", "口令应由其主人自己选定")
	whyRoom                               = why("what may be deleted is for a person to say", "可以删除什么，应由人来决定")
	whyAShellForAccountsThatTransfer      = why("a shell for accounts that transfer files only", "供只传文件的账号使用的 shell")
	whyListIt                             = why("list it", "把它列入清单")
	whyGiveItToTheAccount                 = why("give it to the account", "把它设为该账号的登录 shell")
	whyMakeTheHomeDirectory               = why("make the home directory", "建立主目录")
	whyTheAccountMayNoLongerWrite         = why("the account may no longer write at the top of its directory", "该账号不再能写入其目录的最上层")
	whyADirectoryForItsUploads            = why("a directory for its uploads", "供其上传的目录")
	whyOpenLogInsAgain                    = why("open log-ins again", "重新开放登录")
	whyAnnounceTheAddressThatClientsReach = why("announce the address that clients reach", "通告客户端能到达的地址")
	whyAllowPassiveTransfers              = why("allow passive transfers", "允许被动模式传输")
	whyAllowChangesOfFiles                = why("allow changes of files", "允许修改文件")
	whyTakeDataConnectionsOfClientsThat   = why("take data connections of clients that do not resume the TLS session", "接受不复用 TLS 会话的客户端的数据连接")
	whyLetTheConnectionIn                 = why("let the connection in", "放行该连接")
	whySshdAsksThatRootOwnsIt             = why("sshd asks that root owns it and nobody else may write to it", "sshd 要求它归 root 所有，且其他人不可写")
	whyNobodyElseMayWriteToIt             = why("nobody else may write to it", "其他人不得写入")
	whyOfferSftp                          = why("offer SFTP", "提供 SFTP")
	whyTheAccountIsNotKnown               = why("the account is not known", "不知道是哪个账号")
	whyTheAccountIsNotInThe               = why("the account is not in the file", "该账号不在此文件中")
	whyTheDirectoryIsThereWhoMay          = why("the directory is there: who may enter it is for a person to say", "目录存在：谁可以进入应由人来决定")
	whyTheDirectoryIsNotKnown             = why("the directory is not known", "不知道是哪个目录")
	whyTheFileIsNotOneThat                = why("the file is not one that closes log-ins", "该文件不是用来关闭登录的")
	whyTheAddressToWhichClientsConnect    = why("the address to which clients connect is not known", "不知道客户端连接的地址")
	whyTheRuleThatKeepsItOut              = why("the rule that keeps it out is not known", "不知道是哪条规则阻挡了它")
	whyTheFileIsNotKnown                  = why("the file is not known", "不知道是哪个文件")
	whyParentMissing                      = why("%s is missing as well: is a file system not mounted?", "%s 也不存在：是否有文件系统未挂载？")
	whyNoSetting                          = why("no setting of %s is known for it", "不知道 %s 有相应的设置")
	whyDServersCouldBeMeant               = why("%d servers could be meant", "可能指 %d 个服务器")
	whyTheConfigurationOfSCannotBe        = why("the configuration of %s cannot be edited", "%s 的配置不能编辑")
	whyNoServiceManagerIsKnownThat        = why("no service manager is known that could do it", "没有已知的服务管理器能做这件事")
)
