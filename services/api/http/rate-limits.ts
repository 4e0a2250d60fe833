import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ProblemError } from '../problems/problem.ts'

export interface RateLimitSettings {
  /** Requests of one owner in a window. 0: as many as they like. */
  perOwner: number
  /** Requests without a good token from one address in a window. 0: as many as they like. */
  perAddress: number
  /** Milliseconds. */
  windowMs: number
}

/** Counts requests, each process for itself. */
export interface RateLimits {
  /** Before the token is looked at. @throws ProblemError where the address has had its refusals */
  beforeToken(request: FastifyRequest): Promise<void>
  /** The token was refused. @throws ProblemError in place of the refusal where that was one too many */
  refused(request: FastifyRequest): Promise<void>
  /** The request's owner is known. @throws ProblemError where it is one too many of theirs */
  authenticated(request: FastifyRequest, reply: FastifyReply): Promise<void>
}

/** Owners and addresses that are counted at a time. The least seen is forgotten first. */
const COUNTED = 50_000

export async function createRateLimits(app: FastifyInstance, settings: RateLimitSettings): Promise<RateLimits> {
  const { perOwner, perAddress, windowMs } = settings
  await app.register(rateLimit, { global: false, cache: COUNTED, timeWindow: windowMs })
  const ofOwner = perOwner > 0 ? app.createRateLimit({ max: perOwner, keyGenerator: ({ owner }) => owner }) : undefined
  // By the plugin's own key: an address of IPv6 counts with its network, of which one client has all.
  const ofAddress = perAddress > 0 ? app.createRateLimit({ max: perAddress }) : undefined

  return {
    async beforeToken(request) {
      const count = await ofAddress?.(request, { increment: false })
      if (!count || count.isAllowed) return
      if (count.remaining === 0) throw tooMany('Too many requests without a good token came from your address.', count)
    },
    async refused(request) {
      const count = await ofAddress?.(request)
      if (!count || count.isAllowed) return
      if (count.isExceeded) throw tooMany('Too many requests without a good token came from your address.', count)
    },
    async authenticated(request, reply) {
      const count = await ofOwner?.(request)
      if (!count || count.isAllowed) return
      if (count.isExceeded) throw tooMany('You have made too many requests.', count)
      reply.headers(headersOf(count))
    },
  }
}

interface Count {
  max: number
  remaining: number
  ttlInSeconds: number
}

/** As the drafts of the RateLimit header fields had them up to 07, which is what clients know. */
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
