mkdir grüße 名前; echo 1 >grüße/é; echo 2 >名前/ファイル
