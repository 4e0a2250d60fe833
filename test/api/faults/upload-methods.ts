import { randomBytes } from 'node:crypto'
import { form } from '../form.ts'
import { type GrantBody, partsOf, send, sha256Of } from '../grants/support.ts'
import type { TestUser } from '../support.ts'
import { tusClient, uploadIdOf } from '../tus/client.ts'

const MIB = 1024 ** 2

/** The result that a client knows. `unknown`: there was no response, or it said that the result is unknown. */
export type Outcome = 'accepted' | 'refused' | 'unknown'

export interface Attempt {
  outcome: Outcome
  /** The accepted uploads, with the SHA-256 of the sent bytes. */
  uploads: Array<{ uploadId: string; sha256: string }>
  /** The last response, for people. */
  answer: string
}

/** Makes one upload like a client that does not retry. */
export type UploadMethod = (api: { url: string }, user: TestUser) => Promise<Attempt>

class Refused extends Error {
  readonly outcome: Outcome

  constructor(outcome: Outcome, answer: string) {
    super(answer)
    this.outcome = outcome
  }
}

interface Reply {
  uploadId?: string
  uploads?: Array<{ uploadId: string }>
  detail?: string
}

/** @throws Refused if the response is not a success, or if there is none */
async function request(api: { url: string }, path: string, init: RequestInit & { duplex?: 'half' }): Promise<Reply> {
  const response = await fetch(`${api.url}${path}`, init).catch(unanswered)
  const text = await response.text().catch(unanswered)
  const body: Reply = JSON.parse(text)
  if (response.ok) return body
  throw refused(response.status, body.detail)
}

function refused(status: number, detail: unknown): Refused {
  const isUnknown = /it is unknown whether|were accepted/i.test(String(detail))
  return new Refused(isUnknown ? 'unknown' : 'refused', `${status} ${detail}`)
}

function unanswered(cause: unknown): never {
  throw new Refused('unknown', `no answer: ${cause}`)
}

async function attempt(run: () => Promise<Attempt['uploads']>): Promise<Attempt> {
  try {
    return { outcome: 'accepted', uploads: await run(), answer: 'accepted' }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return { outcome: error.outcome, uploads: [], answer: error.message }
  }
}

const json = { 'content-type': 'application/json' }

const byJson: UploadMethod = (api, { auth }) =>
  attempt(async () => {
    const content = randomBytes(16).toString('hex')
    const body = JSON.stringify({ filename: 'a.txt', content })
    const { uploadId = '' } = await request(api, '/uploads', { method: 'POST', headers: { ...auth, ...json }, body })
    return [{ uploadId, sha256: sha256Of(Buffer.from(content)) }]
  })

/** Uploads a raw body that is larger than one part. */
const byRaw: UploadMethod = (api, { auth }) =>
  attempt(async () => {
    const body = randomBytes(9 * MIB)
    const { uploadId = '' } = await request(api, '/uploads?filename=a.bin', { method: 'POST', headers: auth, body })
    return [{ uploadId, sha256: sha256Of(body) }]
  })

const byForm: UploadMethod = (api, { auth }) =>
  attempt(async () => {
    const files = [randomBytes(100), randomBytes(200_000)]
    const type = 'application/x-test'
    const { body, headers } = form(files.map((value, n) => ({ name: 'file', filename: `${n}.bin`, type, value })))
    const reply = await request(api, '/uploads', { method: 'POST', headers: { ...auth, ...headers }, body })
    return (reply.uploads ?? []).map(({ uploadId }, n) => ({ uploadId, sha256: sha256Of(files[n] ?? Buffer.alloc(0)) }))
  })

function byGrant(size: number): UploadMethod {
  return (api, { auth }) =>
    attempt(async () => {
      const bytes = randomBytes(size)
      const wanted = JSON.stringify({ filename: 'a.bin', contentType: 'application/x-test', size })
      const init = { method: 'POST', headers: { ...auth, ...json }, body: wanted }
      const granted = (await request(api, '/uploads/grants', init)) as GrantBody
      const pieces = granted.put ? [bytes] : partsOf(granted, bytes)
      for (const [n, part] of [granted.put ?? granted.parts ?? []].flat().entries()) {
        await send(part, pieces[n] ?? Buffer.alloc(0))
      }
      const { uploadId } = granted
      await request(api, `/uploads/${uploadId}/complete`, { method: 'POST', headers: auth })
      return [{ uploadId, sha256: sha256Of(bytes) }]
    })
}

/** Uploads by tus in two requests. The first one ends in the middle of a part. */
const byTus: UploadMethod = (api, user) =>
  attempt(async () => {
    const client = tusClient(api, user)
    const bytes = randomBytes(9 * MIB)
    const ok = async (reply: ReturnType<typeof client.create>) => {
      const { status, headers, body } = await reply.catch(unanswered)
      if (status >= 300) throw refused(status, body.detail)
      return headers
    }
    const url = (await ok(client.create(bytes.length))).get('location') ?? ''
    await ok(client.patch(url, 0, bytes.subarray(0, 3 * MIB)))
    await ok(client.patch(url, 3 * MIB, bytes.subarray(3 * MIB)))
    return [{ uploadId: uploadIdOf(url), sha256: sha256Of(bytes) }]
  })

/** Every upload method. */
export const methods: Readonly<Record<string, UploadMethod>> = {
  json: byJson,
  raw: byRaw,
  form: byForm,
  grant: byGrant(1_000),
  'grant in parts': byGrant(9 * MIB),
  tus: byTus,
}

/** Returns the configuration with which clients reach S3 without the proxy. */
export const methodsEnv = (s3: string) => ({ GRANT_PARTS_ABOVE_BYTES: String(8 * MIB), S3_PUBLIC_ENDPOINT: s3 })
