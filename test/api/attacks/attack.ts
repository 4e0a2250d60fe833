import type { Test } from 'tap'
import { startAws, type TestAws } from '../../support/aws.ts'
import { buildTestApi, createTestUser, keyOf, postJson, readObject, type TestApi, type TestUser } from '../support.ts'
import { bytesOf, exchange, type RawAnswer, type RawRequest } from './raw.ts'

/** The api, an attacker and a victim. */
export interface Scene {
  api: TestApi
  aws: TestAws
  attacker: TestUser
  /** The owner of one upload, which must stay unchanged and secret. */
  victim: TestUser
  victimsId: string
  /** The ids of the attacker's own pending uploads. */
  begun: string[]
}

type Sent = RawRequest | Uint8Array

export interface Attack {
  what: string
  send: Sent | ((scene: Scene) => Sent | Promise<Sent>)
  /** The expected status, followed by the type for a problem. */
  gets: `${number}` | `${number} ${string}`
  /** True if the response has no problem+json, because Node sends it or it has no body. */
  isBare?: boolean
  /** Other expected parts of the response, in headers or body. */
  answer?: { headers?: Record<string, RegExp | undefined>; body?: RegExp }
}

const SECRET = 'what only the victim knows'

/** Maximum time until the server closes the connection of an attack, in milliseconds. */
const ANSWERED_WITHIN_MS = 30_000

const AT_ONCE = 8

export async function setScene(t: Test, env: Record<string, string> = {}): Promise<Scene> {
  const aws = await startAws(t)
  // A response must not depend on the speed of the embedded Kinesis.
  const limits = { MAX_UPLOAD_BYTES: '100000', MAX_JSON_BYTES: '50000', EVENT_PUT_TIMEOUT_MS: '25000' }
  const api = await buildTestApi(t, aws, { env: { ...limits, ...env } })
  const [attacker, victim] = [await createTestUser(aws), await createTestUser(aws)]
  const { body } = await postJson(api, victim, { filename: 'secret.txt', content: SECRET })
  return { api, aws, attacker, victim, victimsId: String(body.uploadId), begun: [] }
}

/**
 * Makes every attack on its own connection, and checks its response: exactly one, and never a 5xx. A rejected request has left nothing, the
 * victim's upload is unchanged, and no response has anything of it or of a token.
 */
export async function makeAttacks(t: Test, scene: Scene, attacks: readonly Attack[]): Promise<void> {
  const { api, aws, attacker, victim } = scene
  const before = await victim.traces()
  const accepted: RawAnswer[] = []
  const waiting = [...attacks]
  async function work(): Promise<void> {
    for (let attack = waiting.shift(); attack; attack = waiting.shift()) {
      accepted.push(...(await make(t, scene, attack)).filter(({ status }) => status < 300))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))

  const { records, objects, openUploads } = await attacker.traces()
  t.same(
    new Set(records.map(({ uploadId }) => uploadId)),
    new Set([...accepted.flatMap(uploadIdsOf), ...scene.begun]),
    'only what was accepted is recorded',
  )
  t.equal(objects.length, records.filter(({ status }) => status !== 'pending').length, 'and stored')
  t.equal(openUploads, 0, 'no multipart upload is open')
  const after = await victim.traces()
  t.same(withoutTimes(after), withoutTimes(before), 'the victim’s upload is as it was')
  const key = keyOf({ status: 200, headers: new Headers(), body: { s3: { key: String(before.records[0]?.key) } } })
  t.equal((await readObject(aws, key)).bytes.toString(), SECRET)
  t.notMatch(api.log.join(''), /"level":"(?:error|fatal)"/, 'no error is logged')
  t.notOk(api.log.join('').includes(attacker.accessToken), 'no token is in the log')
}

const withoutTimes = ({ records, ...rest }: Awaited<ReturnType<TestUser['traces']>>) => ({
  ...rest,
  records: records.map(({ updatedAt: _at, status: _status, outboxPartition: _partition, ...record }) => record),
})

/** The uploads of a success: one upload, those of a form, or a pending one. */
function uploadIdsOf({ headers: { location = '' }, body }: RawAnswer): string[] {
  const [, begun] = /^\/uploads\/(?:tus\/)?([0-9a-f-]{36})$/.exec(location) ?? []
  if (begun !== undefined) return [begun]
  if (!body.startsWith('{"uploads":')) return []
  return (JSON.parse(body) as { uploads: Array<{ uploadId: string }> }).uploads.map(({ uploadId }) => uploadId)
}

async function make(
  t: Test,
  scene: Scene,
  { what, send, gets, isBare = false, answer: wanted = {} }: Attack,
): Promise<RawAnswer[]> {
  const sent = typeof send === 'function' ? await send(scene) : send
  const bytes = sent instanceof Uint8Array ? sent : bytesOf(sent)
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Error(`No end within ${ANSWERED_WITHIN_MS} ms: ${what}`)),
    ANSWERED_WITHIN_MS,
  )
  const answers = await Promise.race([exchange(scene.api.url, bytes), late]).finally(() => clearTimeout(timer))
  const [answer] = answers
  t.equal(answers.length, 1, `${what}: one answer`)
  const type = answer?.headers['content-type'] === 'application/problem+json' ? ` ${slugOf(answer)}` : ''
  t.equal(`${answer?.status}${type}`, gets, what)
  if (answer && answer.status >= 400 && !isBare) t.match(type, /./, `${what}: is a problem`)
  t.match(answer, wanted, what)
  const secrets = [SECRET, scene.victim.accessToken, scene.attacker.accessToken]
  t.notOk(
    secrets.some(secret => JSON.stringify(answer ?? '').includes(secret)),
    `${what}: says nothing that it must not`,
  )
  return answers
}

function slugOf({ body }: RawAnswer): string {
  if (body === '') return ''
  const { type } = JSON.parse(body) as { type?: string }
  return type?.replace('urn:headgate:problem:', '') ?? ''
}

/** The headers of a request of the attacker, with additional ones. */
export function as(
  user: Pick<TestUser, 'auth'>,
  ...more: Array<readonly [string, string]>
): Array<readonly [string, string]> {
  return [['Authorization', user.auth.authorization], ...more]
}

export const JSON_TYPE = ['Content-Type', 'application/json'] as const
