import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface SigningKey {
  kid: string
  privateKey: KeyObject
  publicKey: KeyObject
}

export function makeKey(kid: string): SigningKey {
  return { kid, ...generateKeyPairSync('rsa', { modulusLength: 2048 }) }
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Signs a token with these claims. */
export function signToken(claims: Record<string, unknown>, { kid, privateKey }: SigningKey): string {
  const input = `${encode({ alg: 'RS256', kid })}.${encode(claims)}`
  return `${input}.${createSign('RSA-SHA256').update(input).sign(privateKey, 'base64url')}`
}

/** Forges a token with an unknown key and an invalid signature. */
export function forgeToken(claims: Record<string, unknown>, kid: string): string {
  return `${encode({ alg: 'RS256', kid })}.${encode(claims)}.AAAA`
}

/** How the issuer responds to requests for its keys. */
export type Mood =
  | 'well'
  | 'failing'
  | 'hanging'
  | 'empty'
  | 'gibberish'
  | 'flooding'
  | 'trickling'
  | 'redirecting'
  | 'redirecting-within'

export interface Issuer {
  /** The `iss` of its tokens. */
  url: string
  /** The published keys. */
  keys: SigningKey[]
  mood: Mood
  /** Number of requests for the keys. */
  asked: number
  /** Bytes of the responses that it wrote while `flooding`. */
  flooded: number
  /** The target of its redirects. */
  elsewhere: string
}

/** Starts an issuer with configurable misbehaviour, which the embedded Cognito does not have. */
export async function startIssuer(t: Pick<Test, 'teardown'>): Promise<Issuer> {
  const server = createServer((request, response) => {
    if (request.url === '/pool/moved') return answers.well(response, issuer)
    if (request.url !== '/pool/.well-known/jwks.json') {
      response.writeHead(404).end()
      return
    }
    issuer.asked++
    answers[issuer.mood](response, issuer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const issuer: Issuer = {
    url: `http://127.0.0.1:${port}/pool`,
    keys: [makeKey('first')],
    mood: 'well',
    asked: 0,
    flooded: 0,
    elsewhere: '',
  }
  return issuer
}

const answers: Record<Mood, (response: ServerResponse, issuer: Issuer) => void> = {
  well: (response, { keys }) => {
    const jwks = keys.map(({ kid, publicKey }) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid,
      alg: 'RS256',
      use: 'sig',
    }))
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: jwks }))
  },
  failing: response => response.writeHead(500, { 'content-type': 'application/json' }).end('{}'),
  hanging: response => response.flushHeaders(),
  empty: response => response.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":[]}'),
  gibberish: response => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  flooding: (response, issuer) => {
    const chunk = Buffer.alloc(64 * 1024, ' ')
    response.writeHead(200, { 'content-type': 'application/json' })
    const write = () => {
      if (response.destroyed) return
      issuer.flooded += chunk.length
      if (response.write(chunk)) setImmediate(write)
      else response.once('drain', write)
    }
    write()
  },
  trickling: response => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const timer = setInterval(() => response.write(' '), 10)
    response.once('close', () => clearInterval(timer))
  },
  redirecting: (response, { elsewhere }) => response.writeHead(302, { location: elsewhere }).end(),
  'redirecting-within': response => response.writeHead(307, { location: '/pool/moved' }).end(),
}
