import { Type } from 'typebox'
import { defineCommand } from '../../command.ts'
import { revokeToken } from '../../session/cognito.ts'
import { profileName, profileOption } from '../../session/connect.ts'
import { configDir, readProfile, readTokens, removeTokens } from '../../session/profiles.ts'

export const logout = defineCommand({
  name: 'logout',
  group: 'account',
  summary: 'forget the tokens of a profile, and make its refresh token invalid',
  options: profileOption,
  config: Type.Object({}),
  async run({ options, env, output }) {
    const dir = configDir(env)
    const name = await profileName(env, options.profile)
    const profile = await readProfile(dir, name)
    const tokens = await readTokens(dir, name)
    // The tokens are gone from this machine even if Cognito does not respond.
    await removeTokens(dir, name)
    if (tokens?.refreshToken !== undefined) await revokeToken(profile, tokens.refreshToken)
    output.item(
      { profile: name },
      tokens ? `Signed out of ${profile.url}.` : `You were not signed in to ${profile.url}.`,
    )
    return undefined
  },
})
