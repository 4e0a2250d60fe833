/**
 * Uploads 1 GiB with tus-js-client: `npx node test/api/clients/gigabyte.ts [MiB]`. Pauses once, kills the api once during a request, and
 * continues at another api. Takes about a minute, and 2 GiB of disk.
 */
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { Upload } from 'tus-js-client'
import { startAws } from '../../support/aws.ts'
import { ask, createTestUser } from '../support.ts'
import { uploadIdOf } from '../tus/client.ts'
import { startApi } from '../tus/server.ts'

const MIB = 1024 ** 2
const size = Number(process.argv[2] ?? 1_024) * MIB
const ends: Array<() => unknown> = []
const t = { teardown: (end: () => unknown) => void ends.unshift(end) }

/** Writes a random file. Resolves to its SHA-256. */
function write(file: string): string {
  const hash = createHash('sha256')
  const fd = openSync(file, 'w')
  for (let at = 0; at < size; at += 16 * MIB) {
    const chunk = randomBytes(Math.min(16 * MIB, size - at))
    hash.update(chunk)
    writeSync(fd, chunk)
  }
  return hash.digest('hex')
}

const print = (line: string) => void process.stdout.write(`${line}\n`)

const directory = mkdtempSync(path.join(tmpdir(), 'headgate-gigabyte-'))
t.teardown(() => rmSync(directory, { recursive: true }))
try {
  const file = path.join(directory, 'file')
  const sha256 = write(file)
  const aws = await startAws(t)
  const [first, second] = await Promise.all([startApi(t, aws), startApi(t, aws)])
  const user = await createTestUser(aws)

  /** Sends the file until it is complete, or `stopAt` bytes were sent. */
  async function send(url: string, uploadUrl: string | null, stopAt = Number.POSITIVE_INFINITY): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const upload = new Upload(createReadStream(file), {
      endpoint: `${url}/uploads/tus`,
      uploadUrl: uploadUrl && `${url}${new URL(uploadUrl).pathname}`,
      headers: user.auth,
      metadata: { filename: 'film.bin', filetype: 'application/x-film' },
      chunkSize: 128 * MIB,
      uploadSize: size,
      retryDelays: [500, 1_000, 3_000, 5_000, 10_000],
      onProgress: sent => {
        if (sent >= stopAt) resolve()
      },
      onSuccess: () => resolve(),
      onError: reject,
    })
    const started = performance.now()
    upload.start()
    await promise
    print(`${((performance.now() - started) / 1_000).toFixed(1)} s at ${url}`)
    if (stopAt < size && url === first.url && uploadUrl !== null) await first.kill()
    await upload.abort()
    return upload.url ?? ''
  }

  const begun = await send(first.url, null, size * 0.3)
  const cut = await send(first.url, begun, size * 0.6)
  const url = await send(second.url, cut)
  const seen = await ask(`${second.url}/uploads/${uploadIdOf(url)}`, { headers: user.auth })
  // Two processes have received the file, so the record has no digest of it yet.
  const { key: Key } = seen.body.s3 as { key: string }
  const command = new GetObjectCommand({ Bucket: aws.env.UPLOAD_BUCKET, Key })
  const stored = createHash('sha256')
  const { Body } = await aws.s3.send(command)
  for await (const chunk of Body as AsyncIterable<Uint8Array>) stored.update(chunk)
  const isWhole = stored.digest('hex') === sha256 && seen.body.size === size
  print(isWhole ? `${size / MIB} MiB arrived whole` : `not whole: ${JSON.stringify(seen.body)}, not ${sha256}`)
  process.exitCode = isWhole ? 0 : 1
} finally {
  for (const end of ends) await end()
}
