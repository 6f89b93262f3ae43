/** A real TURN server on loopback for tests: `node tests/turn.mjs PORT USER PASSWORD`. Says `ready`, and each peer. */
import process from 'node:process'
import Turn from 'node-turn'

const [port, user, password] = process.argv.slice(2)
const server = new Turn({
  listeningPort: Number(port),
  listeningIps: ['127.0.0.1'],
  relayIps: ['127.0.0.1'],
  authMech: 'long-term',
  credentials: { [user]: password },
  debugLevel: 'OFF',
})
server.start()
console.log('ready')
