import type { Test } from 'tap'
import type { AcceptedUpload } from '../scenario/expectations.ts'
import { accepted, postJson, untilProcessed } from '../scenario/scene.ts'
import type { OpenScene } from './open-scene.ts'

/** The number of concurrent jobs. */
export const LANES = 8
/** The maximum time from the last upload until all uploads are processed, in milliseconds. A loaded machine is slow. */
const PATIENCE_MS = 240_000

/**
 * Runs a job for each number below the count, some of them concurrently. Rejects with the error of the first job that
 * fails.
 */
export async function inLanes(count: number, job: (n: number) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await job(next++)
  }
  await Promise.all(Array.from({ length: LANES }, lane))
}

/**
 * Uploads a unique text and expects it in the buckets. Resolves to the status of the response: 200, or 202 if its event
 * was not published yet.
 */
export async function uploadText({ scene }: OpenScene, uploads: AcceptedUpload[], n: number): Promise<number> {
  const answer = await postJson(scene, { filename: `${n}.txt`, content: `upload ${n}` })
  const upload = accepted(answer)
  scene.expected.processed(upload, `upload ${n}`, `UPLOAD ${n}`)
  uploads.push(upload)
  return answer.status
}

/** Asserts that all uploads are processed, in the responses of the api and in what boto3 finds. */
export async function allAreProcessed(
  t: Test,
  { server, scene, fleet }: OpenScene,
  uploads: readonly AcceptedUpload[],
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  const wereProcessed = await t.test(`all ${uploads.length} are processed`, async t => {
    await inLanes(uploads.length, async n => {
      const upload = uploads[n]
      if (upload) await untilProcessed(t, scene, upload, deadline)
    })
  })
  const differences = await scene.expected.settle(server)
  t.strictSame(differences, [], 'boto3 finds each of them, to the byte, and nothing else')
  if (wereProcessed?.ok && differences.length === 0) return
  for (const worker of fleet.workers) t.comment(`worker ${worker.pid} has logged ${describeLog(worker.stdout())}`)
}

/** Returns how often each message is in a log. */
function describeLog(log: string): string {
  const messages = Map.groupBy(log.matchAll(/"msg":"([^"]+)"/g), ([, message = '']) => message)
  return [...messages].map(([message, lines]) => `${lines.length} × ${message}`).join('; ')
}
