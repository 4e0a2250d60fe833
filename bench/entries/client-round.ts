import { setTimeout as pass } from 'node:timers/promises'
import { CreateBucketCommand, DeleteObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'
import { Headgate, type Upload } from '../../services/client/index.ts'
import { account } from '../../services/local/account.ts'
import { createLocalClients } from '../../services/local/clients.ts'
import { signIn } from '../../services/local/cognito-wire.ts'
import { createUser } from '../../services/local/resources/cognito.ts'
import { BenchError } from '../lib/errors.ts'
import type { FileSet } from '../lib/file-set.ts'
import { type CommandCost, timeCommand } from '../lib/timed-command.ts'
import type { ClientContender, Target } from './client-contenders.ts'
import type { Scene } from './pipeline-scene.ts'

export interface ClientRound {
  scene: Scene
  files: FileSet
  /** The environment of every program, besides the token. */
  env: NodeJS.ProcessEnv
  target: Omit<Target, 'api' | 'token' | 'bucket'>
}

const BUCKET = 'bench-client'
const TIMEOUT_MS = 600_000
const LOOK_MS = 200
/** Above this number of bytes, files are removed after a round, so that the embedded S3 does not keep all of them in memory. */
const MAX_KEPT_BYTES = 100 * 1024 ** 2

/** Creates the bucket of the programs that upload straight to S3. Warms up the api and the workers with one upload. */
export async function prepare(scene: Scene): Promise<void> {
  const { s3, destroy } = createLocalClients(scene.aws.endpoints)
  try {
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }))
  } finally {
    destroy()
  }
  const headgate = new Headgate({ url: scene.api, getToken: () => scene.token })
  for (const method of ['raw', 'grant', 'tus'] as const) {
    const { uploadId } = await headgate.upload(new Uint8Array(1_024), { filename: `${method}.bin`, method })
    await Promise.race([headgate.waitUntilProcessed(uploadId), scene.death])
  }
}

/**
 * Runs one program as a new user. Resolves when everything that it uploaded is processed, so that the next program finds idle workers.
 *
 * @throws BenchError if the program fails, or a file did not arrive exactly once and completely
 */
export async function measureClient(
  { name, arrives, command }: ClientContender,
  { scene, files, env, target }: ClientRound,
): Promise<CommandCost> {
  const token = await tokenOfNewUser(scene)
  const { api, aws, death } = scene
  const line = await command(files, { ...target, api, token, bucket: BUCKET })
  const settings = { name, env: { ...env, API_URL: api, API_TOKEN: token }, timeoutMs: TIMEOUT_MS }
  const cost = await Promise.race([timeCommand(line, settings), death])
  if (arrives === 'uploads') {
    const headgate = new Headgate({ url: api, getToken: () => token })
    await Promise.race([untilProcessed(name, headgate), death])
    // The worker verifies the digest of a large upload by a grant, so the upload has none before.
    checkUploads(name, files, await Array.fromAsync(headgate.list()))
    if (!isKept(files)) for await (const { uploadId } of headgate.list()) await headgate.remove(uploadId)
  } else {
    const { s3, destroy } = createLocalClients(aws.endpoints)
    try {
      await takeObjects(name, files, s3)
    } finally {
      destroy()
    }
  }
  return cost
}

const isKept = ({ paths, size }: FileSet) => paths.length * size <= MAX_KEPT_BYTES

/** A new user has no uploads, so no program finds those of another. */
async function tokenOfNewUser({ aws: { endpoints } }: Scene): Promise<string> {
  const { userPoolId, userPoolClientId: clientId } = account
  const user = { username: `${crypto.randomUUID()}@example.com`, password: account.demoUser.password }
  await createUser(endpoints.cognito, { userPoolId, ...user })
  return (await signIn(endpoints.cognito, { clientId, ...user })).accessToken
}

/**
 * Checks that each file arrived exactly once and completely.
 *
 * @throws BenchError
 */
export function checkUploads(
  name: string,
  { digests }: Pick<FileSet, 'digests'>,
  uploads: ReadonlyArray<Pick<Upload, 'filename' | 'sha256'>>,
): void {
  const arrived = new Map(uploads.map(({ filename, sha256 }) => [filename, sha256]))
  const missing = [...digests].filter(([file, sha256]) => arrived.get(file) !== sha256).length
  if (missing === 0 && uploads.length === digests.size) return
  const counts = `${uploads.length} uploads of ${digests.size} files, ${missing} files missing or incomplete`
  throw new BenchError(`${name}: ${counts}: the figures are void.`)
}

async function untilProcessed(name: string, headgate: Headgate): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS
  for (const status of ['stored', 'queued', 'processing'] as const) {
    while ((await Array.fromAsync(headgate.list({ status }))).length > 0) {
      if (performance.now() > deadline)
        throw new BenchError(`${name}: Timed out waiting until the files are processed.`)
      await pass(LOOK_MS)
    }
  }
  const failed = await Array.fromAsync(headgate.list({ status: 'failed' }))
  if (failed.length > 0) throw new BenchError(`${name}: ${failed.length} files could not be processed.`)
}

/** Checks the objects in the bucket, and deletes them. @throws BenchError */
async function takeObjects(name: string, { digests, size }: FileSet, s3: S3Client): Promise<void> {
  const missing = new Set(digests.keys())
  for (let isLast = false; !isLast; ) {
    const { Contents = [], IsTruncated = false } = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET }))
    for (const { Key, Size } of Contents) {
      if (Size === size) missing.delete(Key ?? '')
      await s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key }))
    }
    isLast = !IsTruncated
  }
  if (missing.size > 0)
    throw new BenchError(`${name}: ${missing.size} files are missing or incomplete: the figures are void.`)
}
