"""Made-up secrets, one of each kind: the positive control of every search for secrets."""

import random
import string


def planted(seed: str) -> dict[str, str]:
    """Return a line for each kind that holds a made-up secret: what the search must find.

    They are made when they are needed, so that no file of this project holds one.
    """
    dice = random.Random(seed)  # noqa: S311 - they open nothing

    def some(n: int, letters: str = string.ascii_letters + string.digits) -> str:
        return "".join(dice.choice(letters) for _ in range(n))

    hexadecimal, upper = "0123456789abcdef", string.ascii_uppercase + "234567"
    return {
        "private key": f"-----BEGIN PRIVATE {'KEY'}-----\n{some(64)}\n",
        "age key": f"AGE-SECRET-KEY-1{some(58, string.ascii_uppercase)}",
        "AWS access key": f"AKIA{some(16, upper)}",
        "Azure storage key": f"AccountKey={some(86)}==",
        "Google API key": f"AIza{some(35)}",
        "Google OAuth secret": f"GOCSPX-{some(28)}",
        "GitHub token": f"ghp_{some(36)}",
        "GitLab token": f"glpat-{some(20)}",
        "Slack token": f"xoxb-{some(12)}-{some(24)}",
        "Slack webhook": f"https://hooks.slack.com/services/T{some(8)}/B{some(8)}/{some(24)}",
        "Stripe key": f"sk_live_{some(24)}",
        "SendGrid key": f"SG.{some(22)}.{some(43)}",
        "Twilio key": f"SK{some(32, hexadecimal)}",
        "Mailgun key": f"key-{some(32, hexadecimal)}",
        "npm token": f"npm_{some(36)}",
        "PyPI token": f"pypi-AgE{some(60)}",
        "OpenAI or Anthropic key": f"sk-{some(40)}",
        "DigitalOcean token": f"dop_v1_{some(64, hexadecimal)}",
        "Vault token": f"hvs.{some(28)}",
        "Shopify token": f"shpat_{some(32, hexadecimal)}",
        "Telegram token": f"123456789:AA{some(33)}",
        "JSON web token": f"eyJ{some(20)}.eyJ{some(20)}.{some(43)}",
        "password in a URL": f"postgresql://app:{some(20)}@db.shop.internal/shop",
        "authorization header": f'"authorization": "Basic {some(24)}"',
        "key or token assigned to a name": f'API_KEY = "{some(32)}"',
        "password assigned to a name": f'DB_PASSWORD = "{some(20)}"',
    }
