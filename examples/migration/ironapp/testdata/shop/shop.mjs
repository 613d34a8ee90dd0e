// The shop on iron-session. It also tells the Go servers what is in its cookies.
import { createServer } from 'node:http'
import { getIronSession, unsealData } from 'iron-session'

const options = { password: process.env.PASSWORD, cookieName: 'session' }

const shop = createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url, 'http://shop')
  const session = await getIronSession(req, res, options)
  switch (pathname) {
    case '/login':
      session.user = searchParams.get('user')
      session.cart = []
      await session.save()
      break
    case '/cart':
      session.cart = [...session.cart, searchParams.get('item')]
      await session.save()
      break
  }
  res.end(JSON.stringify(session))
})

// For the Go servers only: keep it off the internet. An empty answer means that the seal does not hold.
const unseal = createServer(async (req, res) => {
  let seal = ''
  for await (const part of req) seal += part
  const session = await unsealData(seal, options).catch(() => ({}))
  res.end(JSON.stringify(session))
})

for (const server of [shop, unseal]) {
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  console.log(`http://127.0.0.1:${server.address().port}`)
}
process.stdin.on('end', () => process.exit()).resume()
