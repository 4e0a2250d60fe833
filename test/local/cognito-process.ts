/** A server in its own process, which tests kill. Arguments: the state file and the port. Prints its port. */
import { startCognito } from '../../services/local/cognito/index.ts'
import { CLIENT, POOL } from './cognito-client.ts'

const [file = '', port = '0'] = process.argv.slice(2)
const pools = [{ id: POOL, name: 'users', clients: [{ id: CLIENT, name: 'app' }] }]
const server = await startCognito({ file, port: Number(port), pools })
process.stdout.write(`${server.port}\n`)
