package transcript

// What operating systems say in other languages than English and Chinese:
// German, French, Spanish, Italian, Portuguese, Russian, Japanese and Chinese as
// it is written in Taiwan. (The C library's messages; Windows' in Chinese.)
const (
	refusedElsewhere     = `Verbindungsaufbau abgelehnt|Verbindung verweigert|Connexion refusée|Conexión (?:rehusada|rechazada)|Connessione rifiutata|Conexão recusada|В соединении отказано|接続を拒否されました|連線被拒絕|拒絕連線`
	timeoutElsewhere     = `Wartezeit für die Verbindung ist abgelaufen|Zeitüberschreitung|délai d'attente|connexion a expiré|Соединение прервано по таймауту|délai .{0,20}dépassé|Expiró el tiempo|tiempo de (?:conexión|espera) agotado|Connessione scaduta|Tempo esgotado|Время ожидания|接続がタイムアウト|タイムアウト|連線(?:超過時間|逾時)|连接方在一段时间后没有正确答复|操作超时|Operation now in progress|EINPROGRESS`
	resetElsewhere       = `vom Kommunikationspartner zurückgesetzt|ré-?initialisée par le correspondant|reinicializada por la máquina remota|interrotta dal corrispondente|fechada pela outra ponta|разорвано другой стороной|相手からリセットされました|連線被對方重設|由软件导致的连接断开|你的主机中的软件中止了一个已建立的连接`
	hostElsewhere        = `Keine Route zum Zielrechner|Aucun chemin d'accès pour atteindre|No existe ninguna ruta hasta|Nessun instradamento per l'host|Não há rota para o host|Нет маршрута до узла|ホストへの経路がありません|找不到通往該主機的路由|尝试一个无法连接的主机`
	unreachableElsewhere = `Netzwerk ist nicht erreichbar|réseau n'est pas accessible|red es inaccesible|rete non è raggiungibile|rede está fora de alcance|Сеть недоступна|ネットワークに届きません|無法接觸網路|向一个无法连接的网络尝试`
	nameElsewhere        = `Der Name oder der Dienst ist nicht bekannt|Nom ou service inconnu|Nombre o servicio desconocido|Nome o servizio sconosciuto|Nome ou serviço desconhecido|Неизвестное имя или служба|名前またはサービスが不明です|名稱或服務未知`
	resolverElsewhere    = `Temporärer Fehler bei der Namensauflösung|Échec temporaire dans la résolution|Fallo temporal en la resolución|Errore temporaneo nella risoluzione|Falha temporári[ao] n[ao] resolução|Временный сбой в разрешении|名前解決に一時的に失敗|解析名稱時發生暫時性錯誤|主机名解析时通常出现的暂时错误`
	fullElsewhere        = `kein Speicherplatz mehr verfügbar|Aucun espace disponible|No queda espacio|Spazio esaurito|Não há espaço disponível|не осталось свободного места|空き領域がありません|裝置上已無多餘空間`
	readOnlyElsewhere    = `Dateisystem ist nur lesbar|accessible en lecture seulement|ficheros de sólo lectura|File system in sola lettura|arquivos somente para leitura|доступна только для чтения|読み込み専用ファイルシステム|唯讀的檔案系統`
	deniedElsewhere      = `Keine Berechtigung|Permission non accordée|Permiso denegado|Permesso negato|Permissão negada|Отказано в доступе|許可がありません|拒絕不符權限`
	missingElsewhere     = `Datei oder Verzeichnis nicht gefunden|Aucun fichier ou dossier de ce type|No existe el fichero o el directorio|File o directory non esistente|Arquivo ou diretório inexistente|Нет такого файла или каталога|そのようなファイルやディレクトリはありません|沒有此一檔案或目錄`
	quotaElsewhere       = `Plattenplatz \(Quota\)|Débordement du quota|cuota de disco|Quota disco superata|Cota da disco|дисковая квота|ディスク使用量制限|磁碟配額已滿`
)
