import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { createCleanUp } from '../../../services/api/pending/end-pending.ts'
import { createSweep } from '../../../services/api/pending/sweep.ts'
import { createPendingStore } from '../../../services/uploads/pending/pending-store.ts'
import { grant, send } from '../../api/grants/support.ts'
import { buildTestApi, createTestUser } from '../../api/support.ts'
import { tusClient } from '../../api/tus/client.ts'
import type { TestAws } from '../../support/aws.ts'
import type { Recorder } from '../support/recorder.ts'

const MIB = 1024 ** 2
const HOUR = 3_600_000
// Uploads with a quota give it back when they expire.
const UPLOAD_POLICIES = JSON.stringify([{ name: 'everybody', uploadsPerDay: 100 }])

/** Ends a pending upload of each kind that never arrived. The api that they were begun at is not recorded. */
export async function sweep(t: Test, aws: TestAws, { clients }: Recorder): Promise<void> {
  const api = await buildTestApi(t, aws, {
    env: { GRANT_PARTS_ABOVE_BYTES: '1024', LOG_LEVEL: 'silent', UPLOAD_POLICIES },
  })
  const user = await createTestUser(aws)
  const { put } = await grant(api, user, { size: 1 })
  if (put) await send(put, Buffer.from('x'))
  await grant(api, user, { size: 6 * MIB })
  const client = tusClient(api, user)
  const url = await client.begin(20 * MIB)
  await client.patch(url, 0, randomBytes(9 * MIB))

  const sweeping = createSweep({
    pending: createPendingStore({ dynamodb: clients.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' }),
    cleanUp: createCleanUp(clients.s3),
    lifetimeMs: 24 * HOUR,
    log: { info: () => undefined, error: () => undefined },
    now: () => new Date(Date.now() + 26 * HOUR),
  })
  t.ok((await sweeping.runOnce()) >= 3)
}
