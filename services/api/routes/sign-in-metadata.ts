import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type ApiConfig, issuerOf } from '../../platform/config/api.ts'

const schema = {
  operationId: 'getSignInMetadata',
  tags: ['health'],
  summary: 'Get where users sign in',
  description:
    'The user pool and the app client whose tokens the api accepts. `headgate login` needs only the URL of the api.',
  response: {
    200: Type.Object(
      {
        issuer: Type.String({
          description:
            'The URL of the user pool. `/.well-known/openid-configuration` below it has the endpoints of the sign-in.',
        }),
        clientId: Type.String({ description: 'The app client. It has no secret.' }),
      },
      { additionalProperties: false, description: 'The user pool and the app client.' },
    ),
  },
}

export interface SignInMetadataOptions {
  config: Parameters<typeof issuerOf>[0] & Pick<ApiConfig, 'COGNITO_CLIENT_ID'>
}

/** Serves what a client must know to get a token. Every token has the same values, so they are no secret. */
export const signInMetadata: FastifyPluginAsyncTypebox<SignInMetadataOptions> = async (app, { config }) => {
  const metadata = { issuer: issuerOf(config), clientId: config.COGNITO_CLIENT_ID }
  app.get('/.well-known/headgate', { schema, config: { access: 'public' } }, async (_request, reply) =>
    reply.header('cache-control', 'public, max-age=300').send(metadata),
  )
}
