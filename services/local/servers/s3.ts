import { type ChildServer, type ChildServerSettings, startChildServer } from './child-process.ts'

/**
 * Starts S3, which is fauxqs. Its data is in SQLite instead of one file for each object, because a file system rejects
 * names that S3 accepts (over 255 bytes between two slashes). It runs in its own process, because a large object keeps
 * it busy for seconds. In the process of DynamoDB, it would keep the workers from renewing their leases.
 *
 * @throws the errors of startChildServer
 */
export function startS3(settings: ChildServerSettings): Promise<ChildServer> {
  // fauxqs reads settings from the environment. Those of the user are not meant for this server.
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('FAUXQS_'))
  return startChildServer({ title: 'S3', file: 's3-child', env: Object.fromEntries(kept) }, settings)
}
