import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { EmbeddedServer, ServerSettings } from '../servers/server.ts'
import { Contents } from './contents.ts'
import { importFauxqs } from './import-fauxqs.ts'
import { IndexDb } from './index-db.ts'
import { createS3Server } from './server.ts'
import { deleteFolder } from './temporary-folder.ts'

/** The file of the index in the data folder. The process locks it. */
export const INDEX_FILE = 'index.db'
/** The environment variable of a server whose data folder is deleted when the server stops. */
export const TEMPORARY = 'HEADGATE_S3_TEMPORARY'

export interface S3Settings extends ServerSettings {
  dataDir: string
  /** True if the folder is deleted when the server stops. */
  isTemporary: boolean
}

/** Starts S3 with its data in a folder. */
export async function serveS3({ host, port, dataDir, isTemporary }: S3Settings): Promise<EmbeddedServer> {
  const index = new IndexDb(path.join(dataDir, INDEX_FILE))
  const contents = new Contents(path.join(dataDir, 'contents'), file => index.isUsed(file))
  await importFauxqs(dataDir, { index, contents })
  const server = createS3Server({ index, contents }, error => console.error(error))
  const close = () => {
    index.close()
    if (isTemporary) deleteFolder(dataDir)
  }
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    close()
    throw error
  }
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
      close()
    },
  }
}
