mkdir names; cd names; touch -- -dash "a b" "quo'te" 'dou"ble' 'star*' 'é' "$(printf 'x\377y')" 'back\slash'
touch "$(printf 'n%.0s' $(seq 255))" "$(printf 'm%.0s' $(seq 100))" "$(printf 'k%.0s' $(seq 101))"
