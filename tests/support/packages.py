"""A package of an exported library with every fact, for the tests of forms and manifests."""

from drypoint import forms

STATED = forms.Package(
    version="1.2.3",
    licence="MIT",
    author="Jane & Joe Doe",
    contact="jane@example.org",
    url="https://example.org/net",
    description='Tells "yes" from <no>: a net & its engine',  # quotes of JSON, YAML and XML
)
