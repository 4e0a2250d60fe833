import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { type CorsRule, CorsRulesError, matches, parseCorsRules, toXml } from './s3-cors-rules.ts'
import { escaped, type Hooked, type Reply, type Request } from './s3-multipart-lists.ts'

/** The rules of each bucket that has some. */
type Rules = Map<string, readonly CorsRule[]>

/**
 * Adds CORS, which fauxqs does not have: the operations PutBucketCors, GetBucketCors and DeleteBucketCors, the responses to
 * preflights, and the headers of all other responses to web pages. As in S3, the rules of the bucket decide, and a
 * request that no rule allows is served without CORS headers.
 *
 * @param file keeps the rules across restarts. Left out: they are in memory
 */
export function addCors(fastify: Hooked, file: string | undefined): void {
  const rules: Rules = new Map(file !== undefined && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [])
  function save(): void {
    if (file === undefined) return
    writeFileSync(`${file}.next`, JSON.stringify([...rules]))
    renameSync(`${file}.next`, file)
  }

  fastify.addHook('onRequest', async (request, reply) => {
    const { bucket } = parse(request.url)
    const origin = header(request, 'origin')
    if (request.method === 'OPTIONS') return answerPreflight(request, reply, rules.get(bucket))
    if (origin !== undefined) addHeaders(reply, rules.get(bucket), { origin, method: request.method })
  })

  fastify.addHook('preHandler', async (request, reply) => {
    const { bucket, isCors } = parse(request.url)
    if (!isCors) return
    const { statusCode } = await fastify.inject({ method: 'HEAD', url: `/${bucket}` })
    if (statusCode === 404) return refuse(reply, 404, 'NoSuchBucket', 'The specified bucket does not exist')
    if (request.method === 'GET') {
      const found = rules.get(bucket)
      if (found) return reply.header('content-type', 'application/xml').send(toXml(found))
      return refuse(reply, 404, 'NoSuchCORSConfiguration', 'The CORS configuration does not exist')
    }
    if (request.method === 'PUT') {
      try {
        rules.set(bucket, parseCorsRules(String(request.body)))
      } catch (error) {
        if (!(error instanceof CorsRulesError)) throw error
        return refuse(reply, 400, error.s3Code, error.message)
      }
    } else rules.delete(bucket)
    save()
    return reply.code(request.method === 'PUT' ? 200 : 204).send()
  })

  fastify.addHook('onSend', async ({ method, url }, { statusCode }) => {
    const { bucket, isBucket } = parse(url)
    if (method === 'DELETE' && isBucket && statusCode === 204 && rules.delete(bucket)) save()
  })
}

function answerPreflight(request: Request, reply: Reply, rules: readonly CorsRule[] | undefined): Reply {
  const origin = header(request, 'origin')
  const method = header(request, 'access-control-request-method')
  if (origin === undefined) {
    return refuse(reply, 400, 'BadRequest', 'Insufficient information. Origin request header needed.')
  }
  if (method === undefined) {
    return refuse(reply, 400, 'BadRequest', 'Invalid Access-Control-Request-Method: null')
  }
  if (!rules) return refuse(reply, 403, 'AccessForbidden', 'CORSResponse: CORS is not enabled for this bucket.')
  const headers = (header(request, 'access-control-request-headers') ?? '')
    .split(',')
    .map(name => name.trim().toLowerCase())
    .filter(name => name !== '')
  const rule = addHeaders(reply, rules, { origin, method, headers })
  if (!rule) {
    return refuse(reply, 403, 'AccessForbidden', 'CORSResponse: This CORS request is not allowed by the rules.')
  }
  if (headers.length > 0) reply.header('access-control-allow-headers', headers.join(', '))
  if (rule.maxAgeSeconds !== undefined) reply.header('access-control-max-age', String(rule.maxAgeSeconds))
  return reply.code(200).send()
}

/** Adds the headers of the first rule that allows a request, and returns the rule. */
function addHeaders(
  reply: Reply,
  rules: readonly CorsRule[] | undefined,
  asked: { origin: string; method: string; headers?: readonly string[] },
): CorsRule | undefined {
  const rule = rules?.find(one => matches(one, asked))
  if (!rule) return undefined
  const isPublic = rule.allowedOrigins.includes('*')
  reply
    .header('access-control-allow-origin', isPublic ? '*' : asked.origin)
    .header('access-control-allow-methods', rule.allowedMethods.join(', '))
    .header('vary', 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method')
  if (!isPublic) reply.header('access-control-allow-credentials', 'true')
  if (rule.exposedHeaders.length > 0) reply.header('access-control-expose-headers', rule.exposedHeaders.join(', '))
  return rule
}

function refuse(reply: Reply, status: number, code: string, message: string): Reply {
  const body = `<Error><Code>${code}</Code><Message>${escaped(message)}</Message></Error>`
  return reply.code(status).header('content-type', 'application/xml').send(body)
}

function header({ headers }: Request, name: string): string | undefined {
  return headers[name]?.toString()
}

function parse(url: string) {
  const { pathname, searchParams: query } = new URL(url, 'http://s3')
  const [bucket = '', ...key] = pathname.slice(1).split('/')
  const isBucket = key.join('/') === ''
  return { bucket, isBucket: isBucket && query.size === 0, isCors: isBucket && bucket !== '' && query.has('cors') }
}
