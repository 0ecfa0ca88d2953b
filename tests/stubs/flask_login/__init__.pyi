from blinker import NamedSignal

user_logged_out: NamedSignal
