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
  title: 'a picture is processed, and everything that is made of it can be downloaded',
  timeoutMs,
  async run(api) {
    const request = { method: 'POST', headers: { 'content-type': 'image/png' }, body: PNG }
    const uploadId = uploadOf(
      expectStatus(await api.request('/uploads?filename=headgate-doctor.png', request), 200, 202),
    )
    const upload = await waitUntilProcessed(api, uploadId)
    const made = Array.isArray(upload.outputs) ? (upload.outputs as Array<{ name: string; size?: number }>) : []
    if (made.length === 0) throw new StepFailedError('nothing was made of the picture', 'See TRANSFORMS of the worker.')
    for (const { name, size } of made) {
      const { length } = await download(api, `/uploads/${uploadId}/outputs/${encodeURIComponent(name)}`)
      if (size !== undefined && size !== length) {
        throw new StepFailedError(
          `the output ${name} has ${length} bytes and not ${size}`,
          'Report this with its line.',
        )
      }
    }
    return made.map(({ name }) => name).join(', ')
  },
}

const events: Step = {
  id: 'events',
  title: 'the events of an upload arrive, and end',
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
        `the answer is no event of the processed upload: ${type}, ${text.slice(0, 200)}`,
        'Something on the way changes bodies.',
      )
    }
    const last = { headers: { 'last-event-id': id } }
    expectStatus(await api.request(`/uploads/${uploadId}/events`, last), 204)
    return 'the event of the processed upload came, and none after it'
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
    // Nobody else has this owner's token, but another client of the same user may upload meanwhile.
    for (let page = 0; next !== undefined && page < 10 && !found.includes(older); page++) {
      const answer = expectStatus(await api.request(next), 200)
      const [upload] = answer.body.uploads as Array<{ uploadId: string }>
      if (upload !== undefined) found.push(upload.uploadId)
      const link = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1]
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
 * Deletes every upload of the walk, also after one that could not be deleted. A step of its own, because a permission of its own is
 * needed.
 */
export async function deleteUploads(api: ApiClient): Promise<string> {
  const all = [...api.uploadIds]
  const errors: unknown[] = []
  // One iterator for all of them, so that each upload is taken once.
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
  // They are of one kind in most cases, and the first says what to do. The report counts the uploads that are left.
  if (errors.length > 0) throw errors[0]
  return `${all.length} uploads were deleted`
}

async function deleteUpload(api: ApiClient, uploadId: string): Promise<void> {
  const path = `/uploads/${encodeURIComponent(uploadId)}`
  const answer = await api.request(path, { method: 'DELETE' })
  if (answer.status === 202) {
    throw new StepFailedError(
      `${answer.request} was answered with 202: the deletion is not finished yet`,
      'The relay finishes it. See the log of the api for what it was refused: AccessDenied there is a permission of infra/permissions/.',
    )
  }
  expectStatus(answer, 204, 404)
  expectStatus(await api.request(path), 404)
}

const DELETION_TIMEOUT_MS = 300_000
const DELETION_TIMEOUT_MS_EACH = 2_000

/** Returns the step that deletes so many uploads. Its time grows with their number. */
export function deletionStep(uploads: number): Step {
  return {
    id: 'delete',
    title: 'every upload of this walk is deleted, and gone',
    timeoutMs: Math.max(DELETION_TIMEOUT_MS, uploads * DELETION_TIMEOUT_MS_EACH),
    run: deleteUploads,
  }
}

/** What has become of files. */
export const readingSteps: readonly Step[] = [outputs, events, paging]
