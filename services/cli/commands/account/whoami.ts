import { Type } from 'typebox'
import { defineCommand } from '../../command.ts'
import { PROFILE_HELP, profileOption, withClient } from '../../session/connect.ts'

export const whoami = defineCommand({
  name: 'whoami',
  group: 'account',
  summary: 'show the deployment and the user, and check that the api accepts the token',
  details: PROFILE_HELP,
  options: profileOption,
  config: Type.Object({}),
  async run({ options, env, output }) {
    return await withClient({ env, options, output }, async ({ headgate, url, profile, getToken }) => {
      // The api checks the token.
      await headgate.limits()
      const { sub: userId = null, username = null, exp } = claimsOf(await getToken({}))
      const tokenExpiresAt = exp === undefined ? null : new Date(exp * 1_000).toISOString()
      output.item(
        { profile: profile ?? null, url, username, userId, tokenExpiresAt },
        `user     ${username ?? 'without a name'}, id ${userId ?? 'unknown'}
api      ${url}
profile  ${profile ?? 'none, API_URL and API_TOKEN are set'}
token    valid until ${tokenExpiresAt ?? 'unknown'}`,
      )
      return undefined
    })
  },
})

interface Claims {
  sub?: string
  username?: string
  exp?: number
}

/** Reads the claims of a token that the api has accepted. An id token and an access token name the user differently. */
function claimsOf(token: string): Claims {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
  const { sub, exp, ...claims } = JSON.parse(payload) as Record<string, unknown>
  const username = claims['cognito:username'] ?? claims.username
  return {
    ...(typeof sub === 'string' && { sub }),
    ...(typeof exp === 'number' && { exp }),
    ...(typeof username === 'string' && { username }),
  }
}
