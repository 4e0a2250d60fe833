/**
 * The entry point of the image as a Lambda function, with its handler as the argument: the command of the image's configuration.
 *
 * AWS's runtime client takes the handler from `_HANDLER` and its folder from `LAMBDA_TASK_ROOT`. AWS's own base images set both
 * before they start it; for any other image AWS has `/var/task` in the latter, where nothing of this one is.
 */
const [handler] = process.argv.slice(2)
if (handler !== undefined) process.env._HANDLER = handler
process.env.LAMBDA_TASK_ROOT = '/app'

const client = '/lambda/node_modules/aws-lambda-ric/index.mjs'
await import(client)
