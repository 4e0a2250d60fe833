/** The process of S3 of a slot: at each message `replace` it starts a new, empty server, and stops the one before. */
import { startFauxqs } from 'fauxqs'
import { liveForParent, sendToParent } from '../../../services/local/servers/child-life.ts'
import { listeningOn } from '../../../services/local/servers/s3-listen.ts'

const host = '127.0.0.1'

let server: { port: number; stop(): Promise<void> } | undefined

async function replace(): Promise<void> {
  await server?.stop()
  server = await listeningOn({ host, corsFile: undefined }, () => startFauxqs({ host, port: 0, logger: false }))
  sendToParent({ type: 'listening', port: server.port })
}

liveForParent(() => process.exit(0))
process.on('message', message => {
  // An error ends this process, and the parent process reports that.
  if (message === 'replace') void replace()
})
