import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ProblemError } from '../problems/problem.ts'

export interface RateLimitSettings {
  /** Maximum number of requests of one owner in a window. 0 means no limit. */
  perOwner: number
  /** Maximum number of requests without a valid token from one address in a window. 0 means no limit. */
  perAddress: number
  /** Milliseconds. */
  windowMs: number
}

/** Limits the rate of requests. Each process counts for itself. */
export interface RateLimits {
  /** Called before the token is verified. @throws ProblemError if the address has used up its limit */
  checkAddress(request: FastifyRequest): Promise<void>
  /** Counts a rejected token. @throws ProblemError if the address has exceeded its limit */
  countRefusal(request: FastifyRequest): Promise<void>
  /** Counts a request with a valid token. @throws ProblemError if the owner has exceeded the limit */
  countRequest(request: FastifyRequest, reply: FastifyReply): Promise<void>
}

/** Maximum number of owners and of addresses that are counted. The least recently used counter is dropped first. */
const MAX_COUNTERS = 50_000

export async function createRateLimits(app: FastifyInstance, settings: RateLimitSettings): Promise<RateLimits> {
  const { perOwner, perAddress, windowMs } = settings
  await app.register(rateLimit, { global: false, cache: MAX_COUNTERS, timeWindow: windowMs })
  const ofOwner = perOwner > 0 ? app.createRateLimit({ max: perOwner, keyGenerator: ({ owner }) => owner }) : undefined
  // The plugin's own key counts an IPv6 address with its network, because one client has a whole network.
  const ofAddress = perAddress > 0 ? app.createRateLimit({ max: perAddress }) : undefined

  return {
    async checkAddress(request) {
      const count = await ofAddress?.(request, { increment: false })
      if (!count || count.isAllowed) return
      if (count.remaining === 0) throw tooMany('Your address has sent too many requests without a valid token.', count)
    },
    async countRefusal(request) {
      const count = await ofAddress?.(request)
      if (!count || count.isAllowed) return
      if (count.isExceeded) throw tooMany('Your address has sent too many requests without a valid token.', count)
    },
    async countRequest(request, reply) {
      const count = await ofOwner?.(request)
      if (!count || count.isAllowed) return
      if (count.isExceeded) throw tooMany('You have sent too many requests.', count)
      reply.headers(headersOf(count))
    },
  }
}

interface Count {
  max: number
  remaining: number
  ttlInSeconds: number
}

/** Returns the header fields of the RateLimit drafts up to 07, which clients support. */
function headersOf({ max, remaining, ttlInSeconds }: Count): Record<string, string> {
  return {
    'ratelimit-limit': String(max),
    'ratelimit-remaining': String(remaining),
    'ratelimit-reset': String(ttlInSeconds),
  }
}

function tooMany(reason: string, count: Count): ProblemError {
  const wait = Math.max(1, count.ttlInSeconds)
  const headers = { ...headersOf(count), 'retry-after': String(wait) }
  return new ProblemError('too-many-requests', `${reason} Try again in ${wait} s.`, { headers })
}
