import { hash, randomUUID } from 'node:crypto'
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import type { Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { createUploadStore, itemKey } from '../../../services/uploads/records/store.ts'
import { sections } from '../../../services/worker/orphans/list-upload-objects.ts'
import { eventually } from '../../api/support.ts'
import { backdate } from '../../image/scenarios/sweep.ts'
import { operation } from '../../support/fault-proxy.ts'
import { internalError } from '../../support/faults/aws-errors.ts'
import { putUpload, uploadRecord } from '../../worker/pipeline.ts'
import type { Deployment } from './deployment.ts'

const HOUR = 3_600_000

/** The schedules run every minute here, and the relay leaves an event to the api for the first half minute. */
const BY_SCHEDULE_MS = 180_000

/**
 * Resolves to the id of the upload.
 *
 * @throws Error if the response has another status
 */
async function send({ users, apiUrl }: Deployment, path: string, body: unknown, status: number): Promise<string> {
  const headers = { authorization: `Bearer ${users.demo.idToken}`, 'content-type': 'application/json' }
  const answer = await fetch(`${apiUrl}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await answer.text()
  if (answer.status !== status) throw new Error(`POST ${path} responded with ${answer.status}: ${text}`)
  return (JSON.parse(text) as { uploadId: string }).uploadId
}

/** Asserts that the relay publishes an event that Kinesis did not accept from the api. */
export async function publishBySchedule(t: Test, deployment: Deployment): Promise<void> {
  const { proxies, users, apiUrl } = deployment
  const fault = proxies.kinesis.inject(internalError('kinesis'), { when: operation('PutRecords') })
  // 202 means that the event is in the outbox.
  const sending = send(deployment, '/uploads', { filename: 'outbox.txt', content: 'hello relay' }, 202)
  const uploadId = await sending.finally(() => fault.remove())
  const headers = { authorization: `Bearer ${users.demo.idToken}` }
  await eventually(async () => {
    const answer = await fetch(`${apiUrl}/uploads/${uploadId}?wait=20`, { headers })
    return ((await answer.json()) as { status: string }).status === 'processed'
  }, BY_SCHEDULE_MS)
  t.pass('the relay publishes it, and it is processed')
}

/** Asserts that the sweep ends an expired grant. */
export async function endBySchedule(t: Test, deployment: Deployment): Promise<void> {
  const { clients, users } = deployment
  const wanted = { filename: 'never.txt', contentType: 'text/plain', size: 5 }
  const uploadId = await send(deployment, '/uploads/grants', wanted, 201)
  const store = storeOf(deployment)
  const key = { owner: users.demo.owner, uploadId }
  await backdate({ dynamodb: clients.dynamodb, table: tableOf(deployment) }, key, 26 * HOUR)
  await eventually(async () => (await store.get(key)) === undefined, BY_SCHEDULE_MS)
  t.pass('the sweep ends an expired grant')
}

/**
 * Asserts that the sweep of orphaned objects deletes an object without a record, and puts an upload whose event never
 * comes back into the outbox.
 */
export async function removeBySchedule(t: Test, deployment: Deployment): Promise<void> {
  const { clients, outputs } = deployment
  const store = storeOf(deployment)
  const content = 'hello orphans'
  const createRecord = () =>
    uploadRecord({
      uploadId: uuidv7(),
      owner: randomUUID(),
      status: 'queued',
      bucket: outputs.UploadBucket ?? '',
      size: content.length,
      sha256: hash('sha256', content),
    })
  const [orphan, waiting] = [createRecord(), createRecord()]
  await putUpload(clients.s3, orphan, content)
  await putUpload(clients.s3, waiting, content)
  await store.create(waiting)
  await leaveDuePass(deployment)
  // The relay publishes it from the outbox.
  await eventually(async () => (await store.get(waiting))?.status === 'processed', BY_SCHEDULE_MS)
  const late = putUpload(clients.s3, orphan, 'late').then(() => store.create(orphan))
  await t.rejects(late, { code: 'HEADGATE_UPLOAD_GIVEN_UP' }, 'the sweep has already deleted the orphaned object')
}

/**
 * Stores a pass that is due at once and covers all present objects. A worker with a clock in the future would leave
 * one. So the test does not wait for the hours after which an object counts as orphaned.
 */
async function leaveDuePass(deployment: Deployment): Promise<void> {
  const now = Date.now()
  const at = (epochMs: number) => ({ N: String(epochMs) })
  for (const { index } of sections) {
    await deployment.clients.dynamodb.send(
      new UpdateItemCommand({
        TableName: tableOf(deployment),
        Key: itemKey({ owner: '#strays', uploadId: `sweep-${index}` }),
        UpdateExpression: 'SET nextAt = :due, coveredTo = :from, passTo = :to REMOVE #token, claimedUntil, #cursor',
        ExpressionAttributeNames: { '#token': 'token', '#cursor': 'cursor' },
        ExpressionAttributeValues: { ':due': at(0), ':from': at(now - HOUR), ':to': at(now + HOUR) },
      }),
    )
  }
}

function tableOf({ outputs }: Deployment): string {
  return outputs.ExportheadgatedataUploadsTable ?? ''
}

function storeOf(deployment: Deployment) {
  return createUploadStore({ dynamodb: deployment.clients.dynamodb, table: tableOf(deployment) })
}
