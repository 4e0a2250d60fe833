import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createKeySource } from '../../services/api/auth/key-source.ts'
import { startAws } from '../support/aws.ts'
import { forgeToken, type Issuer, makeKey, type SigningKey, signToken, startIssuer } from './issuer.ts'
import { buildTestApi, type TestApi } from './support.ts'

const aws = await startAws(t)

const PER_SECOND = 90
const SECONDS = 3

/** Sends requests at a steady rate and counts the statuses. */
async function send({ url }: TestApi, perSecond: number, seconds: number, tokenOf: (index: number) => string) {
  const answers: Array<Promise<number>> = []
  const started = performance.now()
  for (let index = 0; index < perSecond * seconds; index++) {
    await delay(Math.max(0, started + (index * 1_000) / perSecond - performance.now()))
    const headers = { authorization: `Bearer ${tokenOf(index)}` }
    answers.push(
      fetch(`${url}/uploads?limit=1`, { headers }).then(async response => {
        await response.arrayBuffer()
        return response.status
      }),
    )
  }
  const statuses = await Promise.all(answers)
  return Object.fromEntries([...Map.groupBy(statuses, status => status)].map(([status, all]) => [status, all.length]))
}

async function apiOf(t: Test, issuer: Issuer): Promise<TestApi> {
  return buildTestApi(t, aws, {
    env: { COGNITO_ISSUER: issuer.url },
    keys: createKeySource({ issuer: issuer.url }),
  })
}

function claimsOf(issuer: Issuer, more: Record<string, unknown> = {}) {
  const now = Math.floor(Date.now() / 1000)
  const client_id = aws.env.COGNITO_CLIENT_ID
  return { iss: issuer.url, sub: 'user-1', token_use: 'access', client_id, iat: now, exp: now + 600, ...more }
}

const forged = (issuer: Issuer) => (index: number) => forgeToken(claimsOf(issuer), `nobody-${index}-${Math.random()}`)
const good = (issuer: Issuer, key: SigningKey) => (index: number) => signToken(claimsOf(issuer, { jti: index }), key)

function isAskedOncePerSecond(t: Test, { asked }: Issuer, started: number): void {
  const seconds = (performance.now() - started) / 1_000
  t.ok(asked <= seconds + 1, `the issuer was asked ${asked} times in ${seconds} s`)
}

t.test('forged tokens with unknown keys block no valid token, even at a cold start', async t => {
  const issuer = await startIssuer(t)
  const api = await apiOf(t, issuer)
  const [key = makeKey('none')] = issuer.keys
  const started = performance.now()
  // The first request of all has a forged token.
  const first = send(api, PER_SECOND, 1, forged(issuer))
  const [junk, answers] = await Promise.all([
    send(api, PER_SECOND, SECONDS, forged(issuer)),
    send(api, 20, SECONDS, good(issuer, key)),
  ])
  await first
  t.strictSame(answers, { 200: 20 * SECONDS })
  t.strictSame(junk, { 401: PER_SECOND * SECONDS })
  isAskedOncePerSecond(t, issuer, started)
})

t.test('a new key is accepted promptly while forged tokens with unknown keys arrive', async t => {
  const issuer = await startIssuer(t)
  const api = await apiOf(t, issuer)
  const started = performance.now()
  const junk = send(api, PER_SECOND, SECONDS + 1, forged(issuer))
  await delay(1_000)
  const next = makeKey('next')
  issuer.keys = [next]
  const rotated = performance.now()
  const response = await fetch(`${api.url}/uploads`, {
    headers: { authorization: `Bearer ${good(issuer, next)(0)}` },
  })
  const tookMs = performance.now() - rotated
  t.equal(response.status, 200)
  t.ok(tookMs < 3_000, `after ${tookMs} ms`)
  t.strictSame(await send(api, 20, SECONDS, good(issuer, next)), { 200: 20 * SECONDS })
  t.strictSame(await junk, { 401: PER_SECOND * (SECONDS + 1) })
  isAskedOncePerSecond(t, issuer, started)
})

t.test('a repeated forged token does not cause a fetch each time', async t => {
  const issuer = await startIssuer(t)
  const api = await apiOf(t, issuer)
  const token = forgeToken(claimsOf(issuer), 'nobody')
  t.strictSame(await send(api, PER_SECOND, 1, () => token), { 401: PER_SECOND })
  t.equal(issuer.asked, 1)
})
