import type { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import t from 'tap'
import { createListUploadObjects, sections } from '../../../services/worker/orphans/list-upload-objects.ts'
import { createOrphanSweep } from '../../../services/worker/orphans/sweep.ts'
import type { SweepClaim, SweepClaims } from '../../../services/worker/orphans/sweep-claim.ts'
import { VirtualTime } from '../../simulation/clock.ts'
import { createMemoryLog } from '../memory-log.ts'

/** Ten million keys with `HEADGATE_LARGE_BUCKET=1`, in some ten seconds. */
const OWNERS = process.env.HEADGATE_LARGE_BUCKET === '1' ? 500_000 : 25_000
const UPLOADS_EACH = 20
const KEYS = OWNERS * UPLOADS_EACH
const WORKERS = 4
const LIST_MS = 100
const DAY = 86_400_000
const NOW = 2_000_000_000_000

const time = new VirtualTime()
const sleep = (ms: number) =>
  new Promise<void>(resolve =>
    time.at(time.now + ms, () => {
      time.woke()
      resolve()
    }),
  )

const ownerNo = (index: number) => {
  const hex = BigInt(Math.floor((index * 2 ** 48) / OWNERS))
    .toString(16)
    .padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-4000-8000-000000000000`
}
/** Uploads of the last days, so that the listing skips none of them. */
const uploadNo = (index: number) => {
  const hex = (NOW - DAY + index).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`
}
const keyNo = (index: number) =>
  `uploads/${ownerNo(Math.floor(index / UPLOADS_EACH))}/${uploadNo(index % UPLOADS_EACH)}/a.txt`

/** Returns the number of keys of the model that sort up to a key. */
function upTo(key: string): number {
  let [low, high] = [0, KEYS]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keyNo(middle) <= key) low = middle + 1
    else high = middle
  }
  return low
}

/** A bucket whose listing takes as long as that of S3. */
const bucket = {
  requests: 0,
  async send({ input }: ListObjectsV2Command) {
    bucket.requests++
    await sleep(LIST_MS)
    const first = upTo(input.StartAfter ?? '')
    const end = Math.min(KEYS, first + (input.MaxKeys ?? 1_000))
    const LastModified = new Date(NOW - DAY)
    return {
      IsTruncated: end < KEYS,
      Contents: Array.from({ length: end - first }, (_, n) => ({ Key: keyNo(first + n), LastModified })),
    }
  },
}

/** Milliseconds from the end of each pass to the next pass of its section. */
const nextPasses: number[] = []

/** Claims of the sections in memory, of which each can be claimed once. */
function claimsInMemory(): SweepClaims {
  const claimed = new Set<number>()
  return {
    async take(section): Promise<SweepClaim | undefined> {
      await sleep(5)
      if (claimed.has(section)) return undefined
      claimed.add(section)
      return { section, token: 'claim', from: NOW - 2 * DAY, to: NOW, pages: 0 }
    },
    advance: async () => true,
    async finish(_claim, nextAt) {
      nextPasses.push(nextAt - time.now - NOW)
    },
    release: async () => undefined,
  }
}

t.test(`${WORKERS} workers sweep a bucket of ${KEYS} keys together, and look at each key once`, async t => {
  const claims = claimsInMemory()
  let seen = 0
  const list = createListUploadObjects(bucket as unknown as S3Client, 'bucket')
  const workers = Array.from({ length: WORKERS }, (_, index) =>
    createOrphanSweep({
      claims,
      list,
      pass: {
        unfinished: async () => ({ requeued: 0, removed: 0 }),
        async objects({ objects }) {
          seen += objects.length
          return { requeued: 0, removed: 0 }
        },
      },
      afterMs: DAY,
      passEveryMs: 1,
      log: createMemoryLog().log,
      now: () => NOW + time.now,
      random: () => index / WORKERS,
    }),
  )
  let isDone = false
  const done = Promise.all(workers.map(worker => worker.runOnce())).finally(() => {
    isDone = true
  })
  await time.run(Number.POSITIVE_INFINITY, () => isDone)
  await done
  t.equal(seen, KEYS)
  const pages = Math.ceil(KEYS / 1_000)
  t.ok(bucket.requests <= pages + sections.length, `${bucket.requests} requests for ${pages} pages`)
  const aloneMs = pages * LIST_MS
  t.ok(
    time.now <= aloneMs / 12,
    `${Math.round(time.now / 1_000)} s, instead of ${Math.round(aloneMs / 1_000)} s in one row`,
  )
  t.equal(nextPasses.length, sections.length)
  const waits = nextPasses.reduce((sum, ms) => sum + ms, 0)
  t.equal(waits, bucket.requests * 1_600, 'the next passes wait so long that ten requests a second are made on average')
  t.comment(`a billion keys: ${((time.now * (1e9 / KEYS)) / 3_600_000).toFixed(1)} h with ${WORKERS} workers`)
})
