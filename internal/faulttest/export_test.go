package faulttest

// SwapCookies gives each of the first two clients the cookies of the other.
func (l *Load) SwapCookies() {
	a, b := l.clients[0], l.clients[1]
	l.stop()
	l.workers.Wait()
	a.http.Jar, b.http.Jar = b.http.Jar, a.http.Jar
}
