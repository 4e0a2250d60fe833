/** The process of S3 of a slot: at each message `replace` it starts a new, empty server, and stops the one before. */

import { INDEX_FILE, serveS3 } from '../../../services/local/s3/index.ts'
import { createTemporaryFolder } from '../../../services/local/s3/temporary-folder.ts'
import { liveForParent, sendToParent } from '../../../services/local/servers/child-life.ts'
import type { EmbeddedServer } from '../../../services/local/servers/server.ts'

let server: EmbeddedServer | undefined

async function replace(): Promise<void> {
  await server?.stop()
  server = await serveS3({ host: '127.0.0.1', port: 0, dataDir: createTemporaryFolder(INDEX_FILE), isTemporary: true })
  sendToParent({ type: 'listening', port: server.port })
}

async function end(): Promise<void> {
  await server?.stop()
  process.exit(0)
}

liveForParent(() => void end())
process.on('message', message => {
  // An error ends this process, and the parent process reports that.
  if (message === 'replace') void replace()
})
