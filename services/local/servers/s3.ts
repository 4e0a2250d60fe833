import { type ChildServer, type ChildServerSettings, startChildServer } from './child-process.ts'

/**
 * S3, by fauxqs. Its data is in SQLite, not in a file for each object: a file system refuses names that S3 takes (over 255
 * bytes between two slashes). In a process of its own, because it works on a large object for seconds without a pause:
 * beside DynamoDB it would keep the workers from renewing their leases.
 *
 * @throws as startChildServer does
 */
export function startS3(settings: ChildServerSettings): Promise<ChildServer> {
  // fauxqs has settings by the environment too, and a person's own are not for this one.
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('FAUXQS_'))
  return startChildServer({ title: 'S3', file: 's3-child', env: Object.fromEntries(kept) }, settings)
}
