import { type ApiClient, expectStatus } from './api-client.ts'
import { StepFailedError } from './errors.ts'
import { download, STEP_TIMEOUT_MS, type Step, uploadOf, waitUntilProcessed } from './step.ts'
import { postJson } from './whole-bodies.ts'

const timeoutMs = STEP_TIMEOUT_MS

/** A white picture of 64 by 64 pixels. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAKUlEQVR42u3MQREAAAwCIPuX1hD77SAA6VEEAoFAIBAIBAKBQCAQfA8Gpwvw4qrwDDIAAAAASUVORK5CYII=',
  'base64',
)

const outputs: Step = {
  id: 'outputs',
  title: 'an image is processed, and all its outputs can be downloaded',
  timeoutMs,
  async run(api) {
    const request = { method: 'POST', headers: { 'content-type': 'image/png' }, body: PNG }
    const uploadId = uploadOf(
      expectStatus(await api.request('/uploads?filename=headgate-doctor.png', request), 200, 202),
    )
    const upload = await waitUntilProcessed(api, uploadId)
    const outputList = Array.isArray(upload.outputs) ? (upload.outputs as Array<{ name: string; size?: number }>) : []
    if (outputList.length === 0) throw new StepFailedError('the image has no outputs', 'See TRANSFORMS of the worker.')
    for (const { name, size } of outputList) {
      const { length } = await download(api, `/uploads/${uploadId}/outputs/${encodeURIComponent(name)}`)
      if (size !== undefined && size !== length) {
        throw new StepFailedError(
          `the output ${name} has ${length} bytes instead of ${size}`,
          'Report this with its line.',
        )
      }
    }
    return outputList.map(({ name }) => name).join(', ')
  },
}

const events: Step = {
  id: 'events',
  title: 'the event stream of an upload delivers its events and ends',
  timeoutMs,
  async run(api) {
    const uploadId = await postJson(api, { filename: 'headgate-doctor-events.txt', content: 'events' })
    await waitUntilProcessed(api, uploadId)
    const { bytes, headers } = expectStatus(await api.request(`/uploads/${uploadId}/events`), 200)
    const text = bytes.toString()
    const id = /^id: ?(.+)$/m.exec(text)?.[1]
    if (!/^event: ?upload$/m.test(text) || id === undefined || !text.includes('"status":"processed"')) {
      const type = headers.get('content-type')
      throw new StepFailedError(
        `the response has no event of the processed upload: ${type}, ${text.slice(0, 200)}`,
        'A proxy or gateway changes bodies.',
      )
    }
    const last = { headers: { 'last-event-id': id } }
    expectStatus(await api.request(`/uploads/${uploadId}/events`, last), 204)
    return 'the event of the processed upload arrived, and none after it'
  },
}

const paging: Step = {
  id: 'paging',
  title: 'uploads are listed page by page, newest first',
  timeoutMs,
  async run(api) {
    const older = await postJson(api, { filename: 'headgate-doctor-older.txt', content: 'older' })
    const newer = await postJson(api, { filename: 'headgate-doctor-newer.txt', content: 'newer' })
    const found: string[] = []
    let next: string | undefined = '/uploads?limit=1'
    // Another client of the same user may upload at the same time.
    for (let page = 0; next !== undefined && page < 10 && !found.includes(older); page++) {
      const response = expectStatus(await api.request(next), 200)
      const [upload] = response.body.uploads as Array<{ uploadId: string }>
      if (upload !== undefined) found.push(upload.uploadId)
      const link = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1]
      next = link === undefined ? undefined : api.resolve(link)
    }
    if (found.includes(newer) && found.indexOf(newer) < found.indexOf(older))
      return `found within ${found.length} pages`
    throw new StepFailedError(
      `two new uploads are not among the first ${found.length}, newest first`,
      'See the log of the api, and the check `uploads-table`.',
    )
  },
}

const DELETIONS_AT_ONCE = 8

/**
 * Deletes all uploads of the run. If a deletion fails, it continues with the others. Deletions are a separate step, because they need
 * a separate permission.
 */
export async function deleteUploads(api: ApiClient): Promise<string> {
  const all = [...api.uploadIds]
  const errors: unknown[] = []
  // All workers share one iterator, so that each upload is deleted once.
  const queue = all.values()
  const work = async () => {
    for (const uploadId of queue) {
      try {
        await deleteUpload(api, uploadId)
        api.uploadIds.delete(uploadId)
      } catch (error) {
        errors.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: DELETIONS_AT_ONCE }, work))
  // The errors are usually the same, so the first one is enough. The report has the number of remaining uploads.
  if (errors.length > 0) throw errors[0]
  return `${all.length} uploads were deleted`
}

async function deleteUpload(api: ApiClient, uploadId: string): Promise<void> {
  const path = `/uploads/${encodeURIComponent(uploadId)}`
  const response = await api.request(path, { method: 'DELETE' })
  if (response.status === 202) {
    throw new StepFailedError(
      `${response.request} returned 202: the deletion is not finished yet`,
      'The outbox relay finishes the deletion. If the log of the api says AccessDenied, see infra/permissions/.',
    )
  }
  expectStatus(response, 204, 404)
  expectStatus(await api.request(path), 404)
}

const DELETION_TIMEOUT_MS = 300_000
const DELETION_TIMEOUT_MS_EACH = 2_000

/** Returns the step that deletes the given number of uploads. Its timeout grows with the number. */
export function deletionStep(uploads: number): Step {
  return {
    id: 'delete',
    title: 'all uploads of this run are deleted, and gone',
    timeoutMs: Math.max(DELETION_TIMEOUT_MS, uploads * DELETION_TIMEOUT_MS_EACH),
    run: deleteUploads,
  }
}

/** The steps that read uploads. */
export const readingSteps: readonly Step[] = [outputs, events, paging]
