import { INDEX_FILE, TEMPORARY } from '../s3/index.ts'
import { createTemporaryFolder, deleteFolder } from '../s3/temporary-folder.ts'
import { type ChildServer, type ChildServerSettings, startChildServer } from './child-process.ts'

/**
 * Starts S3, which is in the folder `s3`. It runs in its own process, because digests of large objects need a CPU. In the process of
 * DynamoDB, they would keep the workers from renewing their leases.
 *
 * Without a data folder, objects are in a temporary folder. The process of S3 deletes it when it ends, and this process if the process of
 * S3 is killed. If both are killed, the next start deletes it.
 *
 * @throws the errors of startChildServer
 */
export async function startS3(settings: ChildServerSettings): Promise<ChildServer> {
  const program = { title: 'S3', file: 's3-child' }
  if (settings.dataDir !== undefined) return startChildServer({ ...program, env: process.env }, settings)
  const dataDir = createTemporaryFolder(INDEX_FILE)
  const onFailure = (error: Error) => {
    deleteFolder(dataDir)
    settings.onFailure(error)
  }
  try {
    const env = { ...process.env, [TEMPORARY]: 'yes' }
    const server = await startChildServer({ ...program, env }, { ...settings, dataDir, onFailure })
    return { ...server, stop: () => server.stop().finally(() => deleteFolder(dataDir)) }
  } catch (error) {
    deleteFolder(dataDir)
    throw error
  }
}
